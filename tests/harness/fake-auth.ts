import { randomUUIDv7 } from "node:crypto";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import {
  AuthServiceService,
  GetKeySetRequest,
  type GetKeySetResponse,
} from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import { ACCESS_TOKEN_SECONDS, TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER } from "@row/runtime/rpc/auth.ts";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

export interface TokenClaims {
  /** The user; a new one when absent. */
  id?: string;
  /** "customer" when absent. */
  roles?: string[];
  issuer?: string;
  audience?: string;
  /** Seconds from now until it expires; negative for a token that has. */
  expiresIn?: number;
  /** Signs with a key that auth never published, under the id of one that it did. */
  foreignKey?: boolean;
}

/** Stands for auth where it is outside of what is tested: publishes a key set, and signs tokens that fit it. */
export class FakeAuth {
  readonly #server = new Server();
  readonly #key: CryptoKey;
  readonly #foreignKey: CryptoKey;
  readonly #keySet: GetKeySetResponse;

  private constructor(key: CryptoKey, foreignKey: CryptoKey, keySet: GetKeySetResponse) {
    this.#key = key;
    this.#foreignKey = foreignKey;
    this.#keySet = keySet;
  }

  /** Listens on "host:port". */
  static async start(address: string): Promise<FakeAuth> {
    const own = await generateKeyPair(TOKEN_ALGORITHM, { extractable: true });
    const foreign = await generateKeyPair(TOKEN_ALGORITHM);
    const { kty = "", crv = "", x = "", y = "" } = await exportJWK(own.publicKey);
    const keySet = { keys: [{ kty, crv, x, y, kid: KEY_ID, alg: TOKEN_ALGORITHM, use: "sig" }] };
    const auth = new FakeAuth(own.privateKey, foreign.privateKey, keySet);
    await auth.#listen(address);
    return auth;
  }

  /** An access token as auth would issue it, or one that is wrong in the way that is asked for. */
  tokenFor(claims: TokenClaims = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    return new SignJWT({ roles: claims.roles ?? ["customer"] })
      .setProtectedHeader({ alg: TOKEN_ALGORITHM, kid: KEY_ID })
      .setSubject(claims.id ?? randomUUIDv7())
      .setIssuer(claims.issuer ?? TOKEN_ISSUER)
      .setAudience(claims.audience ?? TOKEN_AUDIENCE)
      .setIssuedAt(now)
      .setExpirationTime(now + (claims.expiresIn ?? ACCESS_TOKEN_SECONDS))
      .sign(claims.foreignKey ? this.#foreignKey : this.#key);
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #listen(address: string): Promise<void> {
    const { getKeySet } = AuthServiceService;
    this.#server.addService(
      { getKeySet: { ...getKeySet, requestDeserialize: (bytes: Buffer) => GetKeySetRequest.decode(bytes) } },
      {
        getKeySet: (_call: unknown, answer: (error: null, keySet: GetKeySetResponse) => void) =>
          answer(null, this.#keySet),
      },
    );
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }
}

const KEY_ID = "fake-auth";
