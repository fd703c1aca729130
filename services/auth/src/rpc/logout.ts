import type { LogoutRequest, LogoutResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import type { Dependencies } from "../dependencies.ts";
import { hashOf } from "../refresh-token.ts";
import { endSession } from "../session-store.ts";

export function logout({ pool }: Dependencies) {
  return async ({ refreshToken }: LogoutRequest, call: Call): Promise<LogoutResponse> => {
    await endSession(pool, hashOf(refreshToken), call.correlationId);
    return {};
  };
}
