/** Outbox rows whose contents only SQL knows. */
import type { Origin } from "@row/runtime/events/outbox.ts";

const PACKAGE = "shop.inventory.v1";
const ORIGIN = "correlation_id, traceparent, tracestate, baggage, producer";

/** The columns that `originJson` fills. */
export const ORIGIN_COLUMNS = "correlation_id text, traceparent text, tracestate text, baggage text, producer text";

/** On whose behalf events are written, as the columns ORIGIN_COLUMNS of a JSON record. */
export function originJson({
  correlationId,
  traceparent = "",
  tracestate = "",
  baggage = "",
  producer,
}: Origin): object {
  return { correlation_id: correlationId, traceparent, tracestate, baggage, producer };
}

/** Body of a CTE that writes rows to the outbox. */
export function outboxRows(selects: readonly string[]): string {
  return `INSERT INTO runtime.outbox (subject, aggregate_id, sequence, payload, ${ORIGIN})
    ${selects.join(" UNION ALL ")}`;
}

/** Rows that tell what became of a reservation, one for each row of `from`, which has order_id, items and ORIGIN_COLUMNS. */
export function reservationEvents(event: string, version: number, from: string): string {
  return `SELECT '${PACKAGE}.${event}', order_id::text, ${version}::bigint,
    jsonb_build_object('orderId', order_id, 'items', items), ${ORIGIN} FROM ${from}`;
}

/** Rows that tell the new level, one for each row of `from`, which has product_id, on_hand, version and ORIGIN_COLUMNS. */
export function levelEvents(from: string): string {
  return `SELECT '${PACKAGE}.StockLevelChanged', product_id::text, version,
    jsonb_build_object('productId', product_id, 'onHand', on_hand), ${ORIGIN} FROM ${from}`;
}
