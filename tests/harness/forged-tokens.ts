import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { derivedKey } from "@row/auth/derived-key.ts";
import { unseal } from "@row/auth/sealed-key.ts";
import type { Session, TheShop } from "./the-shop.ts";

/** Access tokens that no service may accept, and what the answer says of each. */
export async function forgedTokens(
  shop: TheShop,
  { accessToken }: Session,
): Promise<Record<string, { value: string; says: RegExp }>> {
  const [head = "", body = "", signature = ""] = accessToken.split(".");
  const header = decode(head);
  const claims = decode(body);
  const own = await signingKey(shop, String(header.kid));
  const foreign = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const signed = (key: KeyObject, changedHeader: object, changedClaims: object) => {
    const input = `${encode({ ...header, ...changedHeader })}.${encode({ ...claims, ...changedClaims })}`;
    return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  };
  const publicPem = createPublicKey(own).export({ type: "spki", format: "pem" });
  const hmacInput = `${encode({ ...header, alg: "HS256" })}.${body}`;
  const hmac = createHmac("sha256", publicPem).update(hmacInput).digest("base64url");
  return {
    "no token at all": { value: "abc", says: /not a JWT/ },
    "three empty parts": { value: "..", says: /not a JWT|malformed/ },
    "a signature cut short": { value: accessToken.slice(0, -10), says: /signature|malformed/ },
    "claims changed under the signature": {
      value: `${head}.${encode({ ...claims, roles: ["admin"] })}.${signature}`,
      says: /signature/,
    },
    "alg none": { value: `${encode({ ...header, alg: "none" })}.${body}.`, says: /algorithm|malformed/ },
    "alg None with the old signature": {
      value: `${encode({ ...header, alg: "None" })}.${body}.${signature}`,
      says: /algorithm|malformed/,
    },
    "HS256 keyed with the public key": { value: `${hmacInput}.${hmac}`, says: /algorithm|malformed/ },
    "signed by somebody else under auth's key id": { value: signed(foreign, {}, {}), says: /signature/ },
    "signed by somebody else under their own key id": {
      value: signed(foreign, { kid: "theirs" }, {}),
      says: /key is unknown/,
    },
    "signed by a key that the token brings along": {
      value: signed(foreign, { kid: undefined, jwk: createPublicKey(foreign).export({ format: "jwk" }) }, {}),
      says: /names no key|key is unknown/,
    },
    expired: { value: signed(own, {}, { exp: Number(claims.iat) - 1 }), says: /expired/ },
    "without an end": { value: signed(own, {}, { exp: undefined }), says: /"exp"/ },
    "for another audience": { value: signed(own, {}, { aud: "another-shop" }), says: /"aud"/ },
    "by another issuer": { value: signed(own, {}, { iss: "another-auth" }), says: /"iss"/ },
    "of nobody": { value: signed(own, {}, { sub: undefined }), says: /"sub"/ },
  };
}

/** Auth's own private key: what is wrong with a token signed by it is not the signature. */
async function signingKey(shop: TheShop, id: string): Promise<KeyObject> {
  const { rows } = await shop.database("auth").query("SELECT private_key FROM signing_key WHERE id = $1", [id]);
  const sealingKey = derivedKey(shop.secret("env/AUTH_KEY_SECRET"), "signing-keys");
  return createPrivateKey({ key: unseal(sealingKey, id, rows[0].private_key), format: "der", type: "pkcs8" });
}

function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, "base64url").toString());
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
