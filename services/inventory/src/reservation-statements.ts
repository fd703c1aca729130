/**
 * Reservations and the stock they move: a statement for any number of orders. All take their locks in the same order, so
 * that none waits for another in a circle: first the stock rows by product id, then the reservations. A statement sees the
 * newest stock, because what it locks and updates is read again after the wait; what it read before (which items an order
 * holds) may be out of date by then, so the reservation's row, at the end, decides.
 */
import { statement } from "@row/runtime/database/postgres.ts";
import { recordsOf } from "@row/runtime/database/records.ts";
import { ORIGIN } from "@row/runtime/events/outbox.ts";
import { levelEvents, outboxRows, reservationEvents } from "./outbox-rows.ts";
import type { ReservationStep } from "./reservation.ts";

// The orders of a batch that move a product move it together: its level changes once, on behalf of the first of them.
const SUMS = "product_id, sum(quantity)::bigint AS quantity, min(order_id::text)::uuid AS order_id";

/** What became of an order's reservation; `missing` is set when there was too little for it even if it had been alone. */
export interface ReservedRow {
  readonly order_id: string;
  readonly reserved: boolean;
  readonly fits: boolean;
  readonly missing: string | null;
  readonly available: bigint | null;
}

/** Holds the items of each order, or nothing. The orders come in turn, by their position, each as if all before it got theirs. */
export const reserveStock = statement<ReservedRow>(
  "reserve-stock",
  `WITH asked AS (
    ${recordsOf({ order_id: "uuid", position: "int", items: "jsonb", ...ORIGIN })}
  ), item AS (
    SELECT order_id, position, "productId" AS product_id, quantity
    FROM asked, jsonb_to_recordset(items) AS item ("productId" uuid, quantity bigint)
  ), locked AS (
    SELECT product_id, on_hand FROM stock WHERE product_id IN (SELECT product_id FROM item) ORDER BY product_id FOR UPDATE
  ), wish AS (
    SELECT order_id, product_id, coalesce(on_hand, 0) AS available, quantity > coalesce(on_hand, 0) AS is_missing,
      sum(quantity) OVER (PARTITION BY product_id ORDER BY position) <= coalesce(on_hand, 0) AS fits
    FROM item LEFT JOIN locked USING (product_id)
  ), verdict AS (
    SELECT order_id, bool_and(fits) AS fits, min(product_id::text) FILTER (WHERE is_missing) AS missing
    FROM wish GROUP BY order_id
  ), reserved AS (
    INSERT INTO reservations (order_id, state, items)
    SELECT order_id, 'RESERVED', items FROM asked JOIN verdict USING (order_id) WHERE fits ORDER BY order_id
    ON CONFLICT (order_id) DO NOTHING RETURNING order_id
  ), moved AS (
    SELECT ${SUMS} FROM reserved JOIN item USING (order_id) GROUP BY product_id
  ), level AS (
    UPDATE stock SET on_hand = on_hand - quantity, reserved = reserved + quantity, version = version + 1
    FROM moved WHERE stock.product_id = moved.product_id
    RETURNING stock.product_id, stock.on_hand, stock.version, order_id
  ), published AS (
    ${outboxRows([
      reservationEvents("StockReserved", 1, "reserved JOIN asked USING (order_id)"),
      levelEvents("level JOIN asked USING (order_id)"),
    ])}
  )
  SELECT verdict.order_id, reserved.order_id IS NOT NULL AS reserved, verdict.fits, missing, available
  FROM verdict LEFT JOIN reserved USING (order_id)
    LEFT JOIN wish ON wish.order_id = verdict.order_id AND wish.product_id = missing::uuid`,
);

/** `UPDATE reservations …` or, where a tombstone is due, an insert that becomes one when the order has a reservation. */
function changeStates(step: ReservationStep): string {
  // Only who has locked the stock of every item may change the state; the others come again.
  const guard = `reservation.state = '${step.from}' AND jsonb_array_length(reservation.items) = `;
  if (!step.leavesTombstone) {
    return `UPDATE reservations AS reservation SET state = '${step.to}' FROM ready
      WHERE reservation.order_id = ready.order_id AND ${guard} ready.items RETURNING reservation.order_id, reservation.items`;
  }
  return `INSERT INTO reservations AS reservation (order_id, state, items)
    SELECT order_id, '${step.to}', '[]' FROM ready ORDER BY order_id
    ON CONFLICT (order_id) DO UPDATE SET state = excluded.state
      WHERE ${guard} (SELECT items FROM ready WHERE ready.order_id = reservation.order_id)
    RETURNING order_id, items`;
}

/** A statement that takes this step for each order that can; answers whose reservation changed. */
export function stepStatement(step: ReservationStep) {
  const { from, to } = step.moves;
  const isLevelChanged = to === "on_hand";
  return statement<{ order_id: string }>(
    `${step.name}-stock`,
    `WITH asked AS (
      ${recordsOf({ order_id: "uuid", ...ORIGIN })}
    ), held AS (
      SELECT order_id, item."productId" AS product_id, item.quantity
      FROM asked JOIN reservations USING (order_id),
        jsonb_to_recordset(items) AS item ("productId" uuid, quantity bigint)
      WHERE state = '${step.from}'
    ), locked AS (
      SELECT product_id FROM stock WHERE product_id IN (SELECT product_id FROM held) ORDER BY product_id FOR UPDATE
    ), ready AS (
      SELECT order_id, count(locked.product_id)::int AS items
      FROM asked LEFT JOIN held USING (order_id) LEFT JOIN locked USING (product_id) GROUP BY order_id
    ), changed AS (
      ${changeStates(step)}
    ), moved AS (
      SELECT ${SUMS} FROM changed JOIN held USING (order_id) GROUP BY product_id
    ), level AS (
      UPDATE stock SET ${from} = stock.${from} - quantity, ${to} = stock.${to} + quantity
        ${isLevelChanged ? ", version = version + 1" : ""}
      FROM moved WHERE stock.product_id = moved.product_id
      RETURNING stock.product_id, stock.on_hand, stock.version, order_id
    ), published AS (
      ${outboxRows([
        reservationEvents(step.event, step.version, "changed JOIN asked USING (order_id) WHERE items <> '[]'"),
        ...(isLevelChanged ? [levelEvents("level JOIN asked USING (order_id)")] : []),
      ])}
    )
    SELECT order_id FROM changed`,
  );
}
