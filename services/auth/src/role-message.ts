import { Role } from "@row/gen/grpc/shop/options/v1/method.ts";
import { roleName } from "@row/runtime/contract.ts";

const roles = new Map(Object.values(Role).map((role) => [roleName(role), role]));

/** Roles as rows and tokens name them, as the contract's enum. */
export function roleMessages(names: readonly string[]): Role[] {
  return names.map((name) => roles.get(name) ?? Role.UNSPECIFIED);
}
