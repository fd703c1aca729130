/** How long the runtime's own tables keep their rows, by Postgres's clock: a process whose clock is wrong must not decide. */
import type { Queryable } from "./postgres.ts";

/** Each in one go, so that no writer and no event waits for long. */
const MOST_AT_ONCE = 2_000;

interface Retention {
  readonly table: string;
  /** An index begins with it. */
  readonly column: string;
  readonly keeps: string;
  /** Which of those may go. */
  readonly only?: string;
}

const RETENTIONS: readonly Retention[] = [
  // A restore publishes a week's events anew.
  { table: "runtime.outbox", column: "created_time", keeps: "7 days", only: "published_time IS NOT NULL" },
  // Answers to repeats are promised for 24 hours.
  { table: "runtime.requests", column: "created_time", keeps: "48 hours" },
  // After a week no event comes again that JetStream still had.
  { table: "runtime.inbox", column: "received_time", keeps: "14 days" },
];

/** Deletes some of what has been kept for long enough; answers whether there may be more of it. */
export async function deleteExpired(db: Queryable): Promise<boolean> {
  let isMore = false;
  for (const { table, column, keeps, only = "true" } of RETENTIONS) {
    const { rowCount } = await db.query(
      `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table}
        WHERE ${column} < now() - $1::interval AND ${only} ORDER BY ${column} LIMIT ${MOST_AT_ONCE} FOR UPDATE SKIP LOCKED))`,
      [keeps],
    );
    if (rowCount === MOST_AT_ONCE) isMore = true;
  }
  return isMore;
}
