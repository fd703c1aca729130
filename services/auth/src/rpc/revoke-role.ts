import type { RevokeRoleRequest, RevokeRoleResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { roleName } from "@row/runtime/contract.ts";
import { LastAdmin, UserNotFound } from "../account.ts";
import { deleteRole } from "../account-store.ts";
import type { Dependencies } from "../dependencies.ts";
import { roleMessages } from "../role-message.ts";

export function revokeRole({ pool }: Dependencies) {
  return async ({ userId, role }: RevokeRoleRequest, call: Call): Promise<RevokeRoleResponse> => {
    const roles = await deleteRole(pool, userId, roleName(role), call);
    if (!roles) throw new UserNotFound(userId);
    if (roles === "last") throw new LastAdmin(userId);
    return { roles: roleMessages(roles) };
  };
}
