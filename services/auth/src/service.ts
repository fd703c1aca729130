import type { AuthServiceService } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Handlers } from "@row/runtime/rpc/handler.ts";
import type { Dependencies } from "./dependencies.ts";
import { getKeySet } from "./rpc/get-key-set.ts";
import { grantRole } from "./rpc/grant-role.ts";
import { listAuditEntries } from "./rpc/list-audit-entries.ts";
import { login } from "./rpc/login.ts";
import { logout } from "./rpc/logout.ts";
import { refresh } from "./rpc/refresh.ts";
import { register } from "./rpc/register.ts";
import { revokeRole } from "./rpc/revoke-role.ts";

export function authService(dependencies: Dependencies): Handlers<AuthServiceService> {
  return {
    register: register(dependencies),
    login: login(dependencies),
    refresh: refresh(dependencies),
    logout: logout(dependencies),
    getKeySet: getKeySet(dependencies),
    grantRole: grantRole(dependencies),
    revokeRole: revokeRole(dependencies),
    listAuditEntries: listAuditEntries(dependencies),
  };
}
