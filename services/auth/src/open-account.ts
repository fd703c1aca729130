import { randomUUIDv7 } from "node:crypto";
import { UserRegistered } from "@row/gen/grpc/shop/auth/v1/auth_events.ts";
import { rememberRequest } from "@row/runtime/database/idempotency.ts";
import { statement } from "@row/runtime/database/postgres.ts";
import { inTransaction } from "@row/runtime/database/transaction.ts";
import { event, type Origin } from "@row/runtime/events/outbox.ts";
import type pg from "pg";
import { addAccount, isAddressTaken, type NewAccount } from "./account-store.ts";

const remember = statement("remember-registration", rememberRequest(1));

/**
 * Opens an account and says so, unless the address has one: then nothing changes, no event included. Answers the new
 * user's id. `remembered` holds the values that store the answer to a request along with it.
 *
 * The time it takes must not tell which of the two it was. For a taken address, therefore, the same rows are written for an
 * address that nobody can have, and undone: what Postgres is asked is the same but for the word that ends the savepoint.
 */
export async function openAccount(
  pool: Pick<pg.Pool, "connect">,
  applicant: Omit<NewAccount, "id">,
  origin: Origin,
  remembered?: readonly unknown[],
): Promise<string | undefined> {
  const id = randomUUIDv7();
  const registered = event(UserRegistered, id, 1, { userId: id, registerTime: new Date() });
  return inTransaction(pool, async (tx) => {
    // First, so that of two with one request id the second waits here and does nothing.
    if (remembered) await remember(tx, remembered);
    const isTaken = await isAddressTaken(tx, applicant.email);
    await tx.query("SAVEPOINT account");
    const email = isTaken ? `nobody:${id}` : applicant.email;
    const isAdded = await addAccount(tx, { ...applicant, id, email }, registered, origin);
    await tx.query(isTaken ? "ROLLBACK TO SAVEPOINT account" : "RELEASE SAVEPOINT account");
    return isAdded && !isTaken ? id : undefined;
  });
}
