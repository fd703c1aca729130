/**
 * Reservations and the stock they move, one statement each. All take their locks in the same order, so that none waits
 * for another in a circle: first the stock rows by product id, then the reservation. A statement sees the newest stock,
 * because what it locks and updates is read again after the wait; what it read before (which items an order holds)
 * may be out of date by then, so the reservation's row, at the end, decides.
 */
import type { Origin } from "@row/runtime/outbox.ts";
import { type Queryable, statement } from "@row/runtime/postgres.ts";
import { levelEvents, originValues, outboxRows, reservationEvents } from "./outbox-rows.ts";
import { COMMIT, type Item, OutOfStock, RELEASE, RETURN, type ReservationState, type Step } from "./reservation.ts";

const insertReservation = statement<{ reserved: boolean; missing: string | null; available: bigint | null }>(
  "reserve-stock",
  `WITH asked AS (
    SELECT * FROM unnest($2::uuid[], $3::bigint[]) AS item (product_id, quantity)
  ), locked AS (
    SELECT product_id, on_hand, quantity FROM stock JOIN asked USING (product_id) ORDER BY product_id FOR UPDATE OF stock
  ), missing AS (
    SELECT product_id, coalesce(on_hand, 0) AS available FROM asked LEFT JOIN locked USING (product_id)
    WHERE coalesce(on_hand, 0) < asked.quantity ORDER BY product_id LIMIT 1
  ), reserved AS (
    INSERT INTO reservations (order_id, state, items) SELECT $1::uuid, 'RESERVED', $4::jsonb
    WHERE NOT EXISTS (SELECT FROM missing) ON CONFLICT (order_id) DO NOTHING RETURNING order_id, items
  ), level AS (
    UPDATE stock SET on_hand = on_hand - quantity, reserved = reserved + quantity, version = version + 1
    FROM reserved, asked WHERE stock.product_id = asked.product_id
    RETURNING stock.product_id, stock.on_hand, stock.version
  ), published AS (
    ${outboxRows(5, [reservationEvents("StockReserved", 1, "reserved"), levelEvents("level")])}
  )
  SELECT EXISTS (SELECT FROM reserved) AS reserved, (SELECT product_id::text FROM missing) AS missing,
    (SELECT available FROM missing) AS available`,
);

/** Holds the items, which are in order of product id, or nothing. "exists" when the order has a reservation of any state. */
export async function reserve(
  db: Queryable,
  orderId: string,
  items: readonly Item[],
  origin: Origin,
): Promise<"reserved" | "exists" | OutOfStock> {
  const json = JSON.stringify(items.map(({ productId, quantity }) => ({ productId, quantity: Number(quantity) })));
  const products = items.map(({ productId }) => productId);
  const quantities = items.map(({ quantity }) => String(quantity));
  const [row] = await insertReservation(db, [orderId, products, quantities, json, ...originValues(origin)]);
  if (row?.reserved) return "reserved";
  if (!row?.missing) return "exists";
  const requested = items.find(({ productId }) => productId === row.missing)?.quantity ?? 0n;
  return new OutOfStock("reserve", row.missing, requested, row.available ?? 0n);
}

/** `UPDATE reservations …` or, where a tombstone is due, an insert that becomes one when the order has a reservation. */
function changeState(step: Step): string {
  // Only who has locked the stock of every item may change the state; the others come again.
  const guard = `reservation.state = '${step.from}' AND jsonb_array_length(reservation.items) = (SELECT count(*) FROM locked)`;
  if (!step.leavesTombstone) {
    return `UPDATE reservations AS reservation SET state = '${step.to}' WHERE order_id = $1::uuid AND ${guard}
      RETURNING order_id, items`;
  }
  return `INSERT INTO reservations AS reservation (order_id, state, items)
    SELECT $1::uuid, '${step.to}', '[]' FROM (SELECT count(*) FROM locked) AS all_of_them
    ON CONFLICT (order_id) DO UPDATE SET state = excluded.state WHERE ${guard} RETURNING order_id, items`;
}

function stepStatement(step: Step) {
  const { from, to } = step.moves;
  const isLevelChanged = to === "on_hand";
  return statement<{ changed: boolean }>(
    `${step.name}-stock`,
    `WITH held AS (
      SELECT item."productId" AS product_id, item.quantity
      FROM reservations, jsonb_to_recordset(items) AS item ("productId" uuid, quantity bigint)
      WHERE order_id = $1::uuid AND state = '${step.from}'
    ), locked AS (
      SELECT product_id, quantity FROM stock JOIN held USING (product_id) ORDER BY product_id FOR UPDATE OF stock
    ), changed AS (
      ${changeState(step)}
    ), level AS (
      UPDATE stock SET ${from} = stock.${from} - quantity, ${to} = stock.${to} + quantity
        ${isLevelChanged ? ", version = version + 1" : ""}
      FROM changed, locked WHERE stock.product_id = locked.product_id
      RETURNING stock.product_id, stock.on_hand, stock.version
    ), published AS (
      ${outboxRows(2, [
        reservationEvents(step.event, step.version, "changed WHERE items <> '[]'"),
        ...(isLevelChanged ? [levelEvents("level")] : []),
      ])}
    )
    SELECT EXISTS (SELECT FROM changed) AS changed`,
  );
}

const STATEMENTS = { release: stepStatement(RELEASE), commit: stepStatement(COMMIT), return: stepStatement(RETURN) };

/** Takes the step; answers whether it changed anything. */
export async function take(db: Queryable, step: Step, orderId: string, origin: Origin): Promise<boolean> {
  const [row] = await STATEMENTS[step.name](db, [orderId, ...originValues(origin)]);
  return row?.changed ?? false;
}

const findReservation = statement<{ state: ReservationState; items: { productId: string; quantity: number }[] }>(
  "find-reservation",
  "SELECT state, items FROM reservations WHERE order_id = $1::uuid",
);

/** The reservation of an order, whatever its state. */
export async function find(
  db: Queryable,
  orderId: string,
): Promise<{ state: ReservationState; items: Item[] } | undefined> {
  const [row] = await findReservation(db, [orderId]);
  if (!row) return undefined;
  return { state: row.state, items: row.items.map((item) => ({ ...item, quantity: BigInt(item.quantity) })) };
}
