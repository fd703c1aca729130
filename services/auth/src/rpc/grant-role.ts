import type { GrantRoleRequest, GrantRoleResponse } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { roleName } from "@row/runtime/contract.ts";
import { UserNotFound } from "../account.ts";
import { insertRole } from "../account-store.ts";
import type { Dependencies } from "../dependencies.ts";
import { roleMessages } from "../role-message.ts";

export function grantRole({ pool }: Dependencies) {
  return async ({ userId, role }: GrantRoleRequest, call: Call): Promise<GrantRoleResponse> => {
    const roles = await insertRole(pool, userId, roleName(role), call);
    if (!roles) throw new UserNotFound(userId);
    return { roles: roleMessages(roles) };
  };
}
