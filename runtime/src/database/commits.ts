/** Tells the relay of a database that events are committed, whoever wrote them. */

/** What wakes the relay of each pool. */
const relays = new WeakMap<object, () => void>();
/** Transactions that have written events. */
const writers = new WeakSet<object>();

/** Calls `wake` after each commit through `pool` that wrote events. */
export function onEventsCommitted(pool: object, wake: () => void): void {
  relays.set(pool, wake);
}

/** To be called when a statement wrote events: through a pool it is committed by then, in a transaction it will be. */
export function eventsWritten(db: object): void {
  const wake = relays.get(db);
  if (wake) wake();
  else writers.add(db);
}

/** To be called when a transaction of `pool` has ended. */
export function transactionEnded(pool: object, tx: object, how: "committed" | "rolled back"): void {
  if (writers.delete(tx) && how === "committed") relays.get(pool)?.();
}
