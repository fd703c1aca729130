import type { LogoutRequest, LogoutResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import type { Auth } from "../auth.ts";
import { hashOf } from "../refresh-token.ts";
import { endSession } from "../session-store.ts";

export async function logout(auth: Auth, request: LogoutRequest, call: Call): Promise<LogoutResponse> {
  await endSession(auth.pool, hashOf(request.refreshToken), call.correlationId);
  return {};
}
