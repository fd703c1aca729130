/** Handlers of single events whose effect is one transaction with the inbox: what most consumers are. */
import type { Pool, PoolClient } from "pg";
import type { Delivery, Ordering } from "./delivery.ts";
import { inTransaction } from "./inbox.ts";
import type { EventType } from "./outbox.ts";
import type { Consumption } from "./subscribe.ts";

/**
 * Handles each event of a type once, however often it comes, in the order that `ordering` says. What `handle` writes with `tx`
 * commits together with the note that the event was taken in, or not at all. It is not called for an event with nothing new. Where
 * thousands a second come, a statement for a whole batch costs less: see FRESH_BATCH.
 */
export function onEvent<T>(
  event: EventType<T>,
  ordering: Ordering,
  handle: (event: T, tx: PoolClient, delivery: Delivery) => Promise<unknown>,
): (pool: Pool) => Consumption<T> {
  return (pool) => ({
    event,
    ordering,
    handler: (message, delivery) =>
      inTransaction(pool, delivery, async (tx) => {
        await handle(message, tx, delivery);
      }),
  });
}
