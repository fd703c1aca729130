import type { GrantRoleRequest, GrantRoleResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { roleName } from "@row/runtime/contract.ts";
import { callerOf } from "@row/runtime/database/idempotency.ts";
import { UserNotFound } from "../account.ts";
import { grantRole as grant } from "../account-store.ts";
import type { Auth } from "../auth.ts";
import { roleMessages } from "../role-message.ts";

export async function grantRole(auth: Auth, request: GrantRoleRequest, call: Call): Promise<GrantRoleResponse> {
  const act = { actor: callerOf(call), correlationId: call.correlationId };
  const roles = await grant(auth.pool, request.userId, roleName(request.role), act);
  if (!roles) throw new UserNotFound(request.userId);
  return { roles: roleMessages(roles) };
}
