import { ACCESS_TOKEN_SECONDS, TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER } from "@row/runtime/auth.ts";
import { SignJWT } from "jose";
import type { SignedIn } from "./session-store.ts";
import type { SigningKey } from "./signing-keys.ts";

/** Signs an access token as runtime/auth.ts verifies it everywhere. */
export async function accessToken(
  key: SigningKey,
  { userId, roles }: SignedIn,
): Promise<{ accessToken: string; expireTime: Date }> {
  const issued = Math.floor(Date.now() / 1_000);
  const expires = issued + ACCESS_TOKEN_SECONDS;
  const token = await new SignJWT({ roles })
    .setProtectedHeader({ alg: TOKEN_ALGORITHM, kid: key.id })
    .setIssuer(TOKEN_ISSUER)
    .setAudience(TOKEN_AUDIENCE)
    .setSubject(userId)
    .setIssuedAt(issued)
    .setExpirationTime(expires)
    .sign(key.privateKey);
  return { accessToken: token, expireTime: new Date(expires * 1_000) };
}
