/** What belongs to an end user, and who may see it. */
import type { Call, User } from "../call.ts";
import { recordAct } from "../database/audit.ts";
import type { Queryable } from "../database/postgres.ts";
import { DomainError } from "../domain-error.ts";

/** The end user of a call; where the contract asks for one, there is one. */
export function signedIn(call: Call): User {
  if (!call.user)
    throw new DomainError("unauthenticated", "TOKEN_MISSING", "Cannot tell who is asking: send an access token");
  return call.user;
}

export function isAdmin(user: User): boolean {
  return user.roles.includes("admin");
}

/** Something that may belong to an end user. */
interface Owned {
  readonly customerId: string | undefined;
}

/**
 * The row, when it is the caller's, or the caller is an admin, whose look is audited under `target` ("order:<id>"). Else throws what
 * `missing` makes: whether there is none or it is somebody else's, the caller cannot tell.
 */
export async function ownedBy<T extends Owned>(
  call: Call,
  row: T | undefined,
  { db, target, missing }: { db: Queryable; target: string; missing: () => DomainError },
): Promise<T> {
  const user = signedIn(call);
  if (row?.customerId === user.id) return row;
  if (!row || !isAdmin(user)) throw missing();
  await recordAct(db, { action: `${target.split(":")[0]}.read`, target });
  return row;
}
