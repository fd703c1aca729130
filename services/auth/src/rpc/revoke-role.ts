import type { RevokeRoleRequest, RevokeRoleResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { roleName } from "@row/runtime/contract.ts";
import { callerOf } from "@row/runtime/database/idempotency.ts";
import { LastAdmin, UserNotFound } from "../account.ts";
import { revokeRole as revoke } from "../account-store.ts";
import type { Auth } from "../auth.ts";
import { roleMessages } from "../role-message.ts";

export async function revokeRole(auth: Auth, request: RevokeRoleRequest, call: Call): Promise<RevokeRoleResponse> {
  const act = { actor: callerOf(call), correlationId: call.correlationId };
  const roles = await revoke(auth.pool, request.userId, roleName(request.role), act);
  if (!roles) throw new UserNotFound(request.userId);
  if (roles === "last") throw new LastAdmin(request.userId);
  return { roles: roleMessages(roles) };
}
