import type { RefreshRequest, RefreshResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { accessToken } from "../access-token.ts";
import type { Auth } from "../auth.ts";
import { hashOf, newRefreshToken, RefreshTokenInvalid, RefreshTokenReused } from "../refresh-token.ts";
import { rotateRefreshToken } from "../session-store.ts";

export async function refresh(auth: Auth, request: RefreshRequest, call: Call): Promise<RefreshResponse> {
  const { token: refreshToken, hash: next } = newRefreshToken();
  const user = await rotateRefreshToken(
    auth.pool,
    { presented: hashOf(request.refreshToken), next },
    call.correlationId,
  );
  if (user === "reused") throw new RefreshTokenReused();
  if (user === "invalid") throw new RefreshTokenInvalid();
  return { ...(await accessToken(auth.keys, user)), refreshToken };
}
