/** Who may call: the contract's end-user access and calling services, checked before every handler. */
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import type { User } from "../call.ts";
import type { MethodContract } from "../contract.ts";
import { DomainError } from "../domain-error.ts";
import { END_USER_CARRIERS, identityOf } from "../names.ts";

/** What follows the account in every identity of this shop. */
const SUFFIX = identityOf("");

/** The service of a mesh identity; undefined for none. Throws for an identity that is not of this shop. */
export function serviceOf(identity: string | undefined): string | undefined {
  if (!identity) return undefined;
  const account = identity.endsWith(SUFFIX) ? identity.slice(0, -SUFFIX.length) : "";
  if (!account || account.includes(".")) {
    throw new DomainError(
      "forbidden",
      "CALLER_UNKNOWN",
      `Cannot let "${identity}" call: it is no identity of this shop`,
    );
  }
  return account;
}

/** Throws unless the contract lets this service call. No identity is a caller outside the mesh: an end user at most. */
export function checkService(method: MethodContract, service: string | undefined): void {
  if (service === undefined ? method.access !== Access.NONE : method.callers.has(service)) return;
  const who = service === undefined ? "a caller outside the mesh" : `"${service}"`;
  throw new DomainError(
    "forbidden",
    "CALLER_NOT_ALLOWED",
    `Cannot let ${who} call ${method.path}: services named in its contract only`,
  );
}

/** Throws unless the contract lets this end user call. */
export function checkUser(method: MethodContract, user: User | undefined, service: string | undefined): void {
  const callsForItself = service !== undefined && method.callers.has(service) && !END_USER_CARRIERS.includes(service);
  if (method.access === Access.PUBLIC || method.access === Access.NONE) return;
  if (!user) {
    if (callsForItself) return;
    throw new DomainError(
      "unauthenticated",
      "TOKEN_MISSING",
      'Cannot tell who is asking: send an access token as "authorization: Bearer <token>"',
    );
  }
  if (method.access === Access.ROLES && !method.roles.some((role) => user.roles.includes(role))) {
    throw new DomainError(
      "forbidden",
      "ROLE_MISSING",
      `Cannot let this user call ${method.path}: ${method.roles.join(" or ")} only`,
      {
        facts: { roles: method.roles.join(",") },
      },
    );
  }
}
