import { createHmac, hkdfSync } from "node:crypto";

/** What AUTH_KEY_SECRET is used for; each use has a key of its own. */
type Purpose = "signing-keys" | "request-bodies" | "addresses";

/** A 256-bit key for one purpose, from which neither the secret nor the key of another purpose can be told. */
export function derivedKey(secret: string, purpose: Purpose): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", `canary-row/auth/${purpose}`, 32));
}

/** A hash that says whether two texts are the same, to nobody who lacks the key. */
export function keyedHash(key: Buffer, text: string): string {
  return createHmac("sha256", key).update(text).digest("base64url");
}
