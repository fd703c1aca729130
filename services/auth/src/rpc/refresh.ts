import type { RefreshRequest, RefreshResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { accessToken } from "../access-token.ts";
import type { Dependencies } from "../dependencies.ts";
import { hashOf, newRefreshToken, RefreshTokenInvalid, RefreshTokenReused } from "../refresh-token.ts";
import { rotateRefreshToken } from "../session-store.ts";

export function refresh({ pool, keys }: Dependencies) {
  return async (request: RefreshRequest, call: Call): Promise<RefreshResponse> => {
    const { token: refreshToken, hash: next } = newRefreshToken();
    const tokens = { presented: hashOf(request.refreshToken), next };
    const user = await rotateRefreshToken(pool, tokens, call.correlationId);
    if (user === "reused") throw new RefreshTokenReused();
    if (user === "invalid") throw new RefreshTokenInvalid();
    return { ...(await accessToken(keys, user)), refreshToken };
  };
}
