/** Makes access tokens. */
import { ACCESS_TOKEN_SECONDS, TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER } from "@row/runtime/rpc/auth.ts";
import { SignJWT } from "jose";
import type { SignedIn } from "./session-store.ts";
import type { SigningKeys } from "./signing-keys.ts";

/** Signs an access token as runtime/auth.ts verifies it everywhere. It begins when Postgres let its user in. */
export async function accessToken(
  keys: SigningKeys,
  { userId, roles, time }: SignedIn,
): Promise<{ accessToken: string; expireTime: Date }> {
  const key = keys.signingAt(time);
  const issued = Math.floor(time.getTime() / 1_000);
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
