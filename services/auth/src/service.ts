import type { AuthServiceService } from "@row/gen/grpc/shop/auth/v1/auth_service.ts";
import type { Handlers } from "@row/runtime/rpc/handler.ts";
import type { Auth } from "./auth.ts";
import { getKeySet } from "./rpc/get-key-set.ts";
import { grantRole } from "./rpc/grant-role.ts";
import { listAuditEntries } from "./rpc/list-audit-entries.ts";
import { login } from "./rpc/login.ts";
import { logout } from "./rpc/logout.ts";
import { refresh } from "./rpc/refresh.ts";
import { register } from "./rpc/register.ts";
import { revokeRole } from "./rpc/revoke-role.ts";

export function authService(auth: Auth): Handlers<AuthServiceService> {
  return {
    register: (request, call) => register(auth, request, call),
    login: (request, call) => login(auth, request, call),
    refresh: (request, call) => refresh(auth, request, call),
    logout: (request, call) => logout(auth, request, call),
    getKeySet: () => getKeySet(auth),
    grantRole: (request, call) => grantRole(auth, request, call),
    revokeRole: (request, call) => revokeRole(auth, request, call),
    listAuditEntries: (request) => listAuditEntries(auth, request),
  };
}
