import { randomUUIDv7 } from "node:crypto";
import { UserRegistered } from "@row/gen/grpc/shop/auth/v1/auth_events.ts";
import { type RememberedRequest, remember } from "@row/runtime/database/idempotency.ts";
import { inTransaction } from "@row/runtime/database/transaction.ts";
import { event } from "@row/runtime/events/outbox.ts";
import type pg from "pg";
import { insertAccount, isAddressTaken, type NewAccount } from "./account-store.ts";

/** What came of it: the new user's id, or why there is no new account. */
type Outcome = { readonly userId: string } | "address taken" | "answered before";

/**
 * Opens an account and says so, unless the address has one: then nothing changes, no event included. `answer` is stored along with
 * it.
 *
 * The time it takes must not tell which of the two it was. For a taken address, therefore, the same rows are written for an
 * address that nobody can have, and undone: what Postgres is asked is the same but for the word that ends the savepoint.
 */
export async function openAccount(
  pool: Pick<pg.Pool, "connect">,
  applicant: Omit<NewAccount, "id">,
  answer?: RememberedRequest,
): Promise<Outcome> {
  const id = randomUUIDv7();
  const registered = event(UserRegistered, id, 1, { userId: id, registerTime: new Date() });
  return inTransaction(pool, async (tx) => {
    // First, so that of two with one request id the second waits here and does nothing.
    if (answer && !(await remember(tx, answer))) return "answered before";
    const isTaken = await isAddressTaken(tx, applicant.email);
    await tx.query("SAVEPOINT account");
    const email = isTaken ? `nobody:${id}` : applicant.email;
    const isAdded = await insertAccount(tx, { ...applicant, id, email }, registered);
    await tx.query(isTaken ? "ROLLBACK TO SAVEPOINT account" : "RELEASE SAVEPOINT account");
    return isAdded && !isTaken ? { userId: id } : "address taken";
  });
}
