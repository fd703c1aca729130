/** Outbox rows whose contents only SQL knows. */
import type { Origin } from "@row/runtime/outbox.ts";

const PACKAGE = "shop.inventory.v1";

/** The values of `outboxRows`' three parameters. */
export function originValues(origin: Origin): readonly [string, string, string] {
  return [origin.correlationId, origin.traceparent ?? "", origin.producer];
}

/** Body of a CTE that writes rows to the outbox; takes originValues from `$first`. */
export function outboxRows(first: number, selects: readonly string[]): string {
  return `INSERT INTO runtime.outbox (subject, aggregate_id, sequence, payload, correlation_id, traceparent, producer)
    SELECT row.*, $${first}::text, $${first + 1}::text, $${first + 2}::text FROM (${selects.join(" UNION ALL ")}) AS row`;
}

/** Rows that tell what became of a reservation, one for each row of `from`, which has order_id and items. */
export function reservationEvents(event: string, version: number, from: string): string {
  return `SELECT '${PACKAGE}.${event}', order_id::text, ${version}::bigint,
    jsonb_build_object('orderId', order_id, 'items', items) FROM ${from}`;
}

/** Rows that tell the new level, one for each row of `from`, which has product_id, on_hand and version. */
export function levelEvents(from: string): string {
  return `SELECT '${PACKAGE}.StockLevelChanged', product_id::text, version,
    jsonb_build_object('productId', product_id, 'onHand', on_hand) FROM ${from}`;
}
