import { randomUUIDv7 } from "node:crypto";
import { UserRegistered } from "@row/gen/grpc/shop/auth/v1/auth_events.ts";
import { event, type Origin } from "@row/runtime/outbox.ts";
import type { Queryable } from "@row/runtime/postgres.ts";
import { addAccount, type NewAccount } from "./account-store.ts";

/**
 * Opens an account and says so, unless the address has one: then nothing changes, no event included. Answers the new
 * user's id. `remember` holds the values that store the answer to a request along with it.
 */
export async function openAccount(
  db: Queryable,
  applicant: Omit<NewAccount, "id">,
  origin: Origin,
  remember?: readonly unknown[],
): Promise<string | undefined> {
  const id = randomUUIDv7();
  const registered = event(UserRegistered, id, 1, { userId: id, registerTime: new Date() });
  const isAdded = await addAccount(db, { ...applicant, id }, registered, origin, remember);
  return isAdded ? id : undefined;
}
