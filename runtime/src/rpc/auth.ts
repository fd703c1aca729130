/** Verification of end users' access tokens against auth's key set, which is cached so that auth may be down. */
import { createLocalJWKSet, errors, type JWK, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import type { User } from "../call.ts";
import { DomainError } from "../domain-error.ts";
import { uuidInLowerCase } from "../uuid.ts";

/** Who issues access tokens, and for whom. */
export const TOKEN_ISSUER = "canary-row-auth";
export const TOKEN_AUDIENCE = "canary-row-shop";
/** The only algorithm that is accepted. */
export const TOKEN_ALGORITHM = "ES256";
/** How long an access token lives, in seconds. */
export const ACCESS_TOKEN_SECONDS = 15 * 60;

const CACHED_TOKENS = 10_000;
const KEY_SET_MAX_AGE_MS = 5 * 60_000;
/** An unknown key id asks auth again at most this often. */
const KEY_SET_MIN_AGE_MS = 2_000;

/** The token is not one that this shop accepts now. */
export class InvalidToken extends DomainError {
  constructor(why: string) {
    super("unauthenticated", "TOKEN_INVALID", `Cannot accept the access token: ${why}`);
  }
}

/** Gets auth's current public keys. */
export type FetchKeySet = () => Promise<readonly JWK[]>;

interface KeySet {
  readonly keys: ReturnType<typeof createLocalJWKSet>;
  readonly ids: ReadonlySet<string>;
  /** By performance.now(). */
  readonly fetchedAt: number;
}

/** A token that was found good. */
interface Verified {
  readonly user: User;
  /** In milliseconds since the epoch. */
  readonly expiresAt: number;
  /** The same by performance.now(). */
  readonly holdsUntil: number;
}

/** Verifies access tokens: signature, algorithm, issuer, audience, expiry. */
export class TokenVerifier {
  readonly #fetchKeySet: FetchKeySet;
  readonly #verified = new LRUCache<string, Verified>({ max: CACHED_TOKENS });
  #keySet: KeySet | undefined;
  /** By performance.now(), as all that is a duration here: the clock may be set. */
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  constructor(fetchKeySet: FetchKeySet) {
    this.#fetchKeySet = fetchKeySet;
  }

  /** The user of a token that was verified before and still holds; saves the hot path a promise. */
  recall(token: string): User | undefined {
    return this.remainingMs(token) > 0 ? this.#verified.get(token)?.user : undefined;
  }

  /** For how long a token that was verified before still holds; 0 for any other. Never for longer than tokens live. */
  remainingMs(token: string): number {
    const known = this.#verified.get(token);
    if (!known) return 0;
    // The first is right when the clock is, the second also when it was set back meanwhile.
    return Math.max(0, Math.min(known.expiresAt - Date.now(), known.holdsUntil - performance.now()));
  }

  /** Verifies a token. Throws InvalidToken, or a DomainError "dependency" when no keys were ever had. */
  async verify(token: string): Promise<User> {
    const known = this.recall(token);
    if (known) return known;
    const keyId = keyIdOf(token);
    const keySet = await this.#keySetWith(keyId);
    try {
      const { payload } = await jwtVerify(token, keySet.keys, {
        issuer: TOKEN_ISSUER,
        audience: TOKEN_AUDIENCE,
        algorithms: [TOKEN_ALGORITHM],
        requiredClaims: ["sub", "exp"],
      });
      const roles = Array.isArray(payload.roles) ? payload.roles.filter((role) => typeof role === "string") : [];
      const user: User = { id: uuidInLowerCase(String(payload.sub)), roles };
      const expiresAt = Number(payload.exp) * 1_000;
      const holdsMs = Math.min(expiresAt - Date.now(), ACCESS_TOKEN_SECONDS * 1_000);
      this.#verified.set(token, { user, expiresAt, holdsUntil: performance.now() + holdsMs });
      return user;
    } catch (error) {
      throw new InvalidToken(whyInvalid(error));
    }
  }

  async #keySetWith(keyId: string): Promise<KeySet> {
    const now = performance.now();
    const age = now - (this.#keySet?.fetchedAt ?? now);
    const isKnown = this.#keySet?.ids.has(keyId) ?? false;
    const mayAsk = now - this.#triedAt > KEY_SET_MIN_AGE_MS || !this.#keySet;
    if ((!isKnown && mayAsk) || this.#fetching) {
      await this.#refresh();
      // A process that just started may be too slow for auth's short deadline; its first caller has more time.
      if (!this.#keySet) await this.#refresh();
    } else if (age > KEY_SET_MAX_AGE_MS && mayAsk) void this.#refresh();
    if (!this.#keySet) {
      throw new DomainError("dependency", "KEYS_UNAVAILABLE", "Cannot verify the access token: auth does not answer");
    }
    return this.#keySet;
  }

  #refresh(): Promise<void> {
    this.#triedAt = performance.now();
    this.#fetching ??= this.#fetchKeySet()
      .then((keys) => {
        const ids = new Set(keys.map((key) => key.kid ?? ""));
        // A key that auth withdrew must not live on in the cache of verified tokens.
        if (this.#keySet && [...this.#keySet.ids].some((id) => !ids.has(id))) this.#verified.clear();
        this.#keySet = { keys: createLocalJWKSet({ keys: [...keys] }), ids, fetchedAt: performance.now() };
      })
      .catch(() => {}) // the keys at hand keep working; the next token asks again
      .finally(() => {
        this.#fetching = undefined;
      });
    return this.#fetching;
  }
}

function keyIdOf(token: string): string {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.split(".", 1)[0] ?? "", "base64url").toString());
    if (typeof header === "object" && header !== null && "kid" in header) return String(header.kid);
  } catch {
    throw new InvalidToken("it is not a JWT");
  }
  throw new InvalidToken("it names no key");
}

function whyInvalid(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "it has expired";
  if (error instanceof errors.JWTClaimValidationFailed) return `its "${error.claim}" is not the expected one`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return "its signature does not fit";
  if (error instanceof errors.JOSEAlgNotAllowed) return "its algorithm is not allowed";
  if (error instanceof errors.JWKSNoMatchingKey) return "its key is unknown";
  return "it is malformed";
}

/** The token of an "authorization" header; undefined without one. Throws InvalidToken for another scheme. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const token = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization)?.[1];
  if (!token) throw new InvalidToken('send it as "Bearer <token>"');
  return token;
}
