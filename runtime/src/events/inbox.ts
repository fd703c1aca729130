import type { Pool, PoolClient } from "pg";
import { inTransaction as transaction } from "../database/transaction.ts";
import type { Delivery } from "./delivery.ts";

// A handler takes an event in and applies its effect in one transaction, so that however often the event comes, the
// effect happens once. The CTEs below do the taking in; $1…$4 are the delivery's `values`. $1 is two names: events are told apart
// by the consumer they come through, versions of an aggregate by the scope of the service and the publishing domain.

const CONSUMER = "($1::text[])[1]";
const SCOPE = "($1::text[])[2]";

const RECEIVED = `received AS (
  INSERT INTO runtime.inbox (consumer, event_id) VALUES (${CONSUMER}, $2::uuid) ON CONFLICT DO NOTHING RETURNING event_id
)`;

/**
 * Begins a statement of ordering "latest": `WITH ${FRESH} UPDATE … WHERE … AND EXISTS (SELECT FROM fresh)`.
 * `fresh` is empty when the event was seen before, or is older than what has been applied to its aggregate.
 */
export const FRESH = `${RECEIVED}, fresh AS (
  INSERT INTO runtime.applied AS present (consumer, aggregate_id, sequence)
  SELECT ${SCOPE}, $3::text, $4::bigint FROM received
  ON CONFLICT (consumer, aggregate_id) DO UPDATE SET sequence = excluded.sequence WHERE present.sequence < excluded.sequence
  RETURNING aggregate_id
)`;

/** Begins a statement of ordering "contiguous": as FRESH, but a gap fails the statement with SQLSTATE RWGAP. */
export const FRESH_IN_ORDER = `${RECEIVED}, fresh AS (
  INSERT INTO runtime.applied AS present (consumer, aggregate_id, sequence)
  SELECT ${SCOPE}, $3::text, runtime.next_sequence(
    (SELECT sequence FROM runtime.applied WHERE consumer = ${SCOPE} AND aggregate_id = $3::text), $4::bigint) FROM received
  ON CONFLICT (consumer, aggregate_id)
    DO UPDATE SET sequence = runtime.next_sequence(present.sequence, excluded.sequence) WHERE present.sequence < excluded.sequence
  RETURNING aggregate_id
)`;

/** Begins a statement of ordering "any": as FRESH, but empty only when the event was seen before. */
export const FRESH_IN_ANY_ORDER = `${RECEIVED}, fresh AS (SELECT $3::text AS aggregate_id, $4::bigint AS sequence FROM received)`;

const FRESH_BY = { latest: FRESH, contiguous: FRESH_IN_ORDER, any: FRESH_IN_ANY_ORDER };

/**
 * Begins a statement that applies many events at once, ordering "latest"; $1…$4 are `batchValues`. `fresh` holds
 * (event_id, aggregate_id, sequence) of the newest event of each aggregate that has something new.
 */
export const FRESH_BATCH = `received AS (
  INSERT INTO runtime.inbox (consumer, event_id)
  SELECT ${CONSUMER}, event_id FROM unnest($2::uuid[]) AS event_id ORDER BY event_id
  ON CONFLICT DO NOTHING RETURNING event_id
), newest AS (
  SELECT DISTINCT ON (aggregate_id) event_id, aggregate_id, sequence
  FROM unnest($2::uuid[], $3::text[], $4::bigint[]) AS delivered (event_id, aggregate_id, sequence) JOIN received USING (event_id)
  ORDER BY aggregate_id, sequence DESC
), advanced AS (
  INSERT INTO runtime.applied AS present (consumer, aggregate_id, sequence)
  SELECT ${SCOPE}, aggregate_id, sequence FROM newest
  ON CONFLICT (consumer, aggregate_id) DO UPDATE SET sequence = excluded.sequence WHERE present.sequence < excluded.sequence
  RETURNING aggregate_id
), fresh AS (
  SELECT event_id, aggregate_id, sequence FROM newest JOIN advanced USING (aggregate_id)
)`;

/** The first four parameters of a statement that begins with FRESH_BATCH. */
export function batchValues(batch: readonly { delivery: Delivery }[]): [string[], string[], string[], string[]] {
  return [
    [...(batch[0]?.delivery.values[0] ?? [])],
    batch.map(({ delivery }) => delivery.eventId),
    batch.map(({ delivery }) => delivery.aggregateId),
    batch.map(({ delivery }) => String(delivery.sequence)),
  ];
}

/** Runs `work` in a transaction that also takes the event in; not at all when there is nothing new in it. */
export async function inTransaction(
  pool: Pool,
  delivery: Delivery,
  work: (tx: PoolClient) => Promise<void>,
): Promise<void> {
  await transaction(pool, async (tx) => {
    const fresh = await tx.query({
      name: `inbox-${delivery.ordering}`,
      text: `WITH ${FRESH_BY[delivery.ordering]} SELECT FROM fresh`,
      values: [...delivery.values],
    });
    if (fresh.rowCount) await work(tx);
  });
}
