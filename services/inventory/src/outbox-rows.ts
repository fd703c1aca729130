/** Outbox rows whose contents only SQL knows. */
import { ORIGIN } from "@row/runtime/events/outbox.ts";

const PACKAGE = "shop.inventory.v1";
/** The columns ORIGIN. */
const ORIGIN_NAMES = Object.keys(ORIGIN).join(", ");

/** Body of a CTE that writes rows to the outbox. */
export function outboxRows(selects: readonly string[]): string {
  return `INSERT INTO runtime.outbox (subject, aggregate_id, sequence, payload, ${ORIGIN_NAMES})
    ${selects.join(" UNION ALL ")}`;
}

/** Rows that tell what became of a reservation, one for each row of `from`, which has order_id, items and the columns ORIGIN. */
export function reservationEvents(event: string, version: number, from: string): string {
  return `SELECT '${PACKAGE}.${event}', order_id::text, ${version}::bigint,
    jsonb_build_object('orderId', order_id, 'items', items), ${ORIGIN_NAMES} FROM ${from}`;
}

/** Rows that tell the new level, one for each row of `from`, which has product_id, on_hand, version and the columns ORIGIN. */
export function levelEvents(from: string): string {
  return `SELECT '${PACKAGE}.StockLevelChanged', product_id::text, version,
    jsonb_build_object('productId', product_id, 'onHand', on_hand), ${ORIGIN_NAMES} FROM ${from}`;
}
