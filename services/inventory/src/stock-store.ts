/** The stock of single products: read, and changed by hand. */

import { randomUUIDv7 } from "node:crypto";
import { StockAdjusted, StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { REMEMBER_PARAMETERS, rememberRequest } from "@row/runtime/database/idempotency.ts";
import { type Queryable, statement } from "@row/runtime/database/postgres.ts";
import { inTransaction } from "@row/runtime/database/transaction.ts";
import { event, type Origin, OUTBOX_PARAMETERS, outboxInsert, outboxValues } from "@row/runtime/events/outbox.ts";
import type { Pool } from "pg";
import { adjust, noStock, type Stock } from "./stock.ts";

interface Row {
  product_id: string;
  on_hand: bigint;
  reserved: bigint;
  sold: bigint;
  received: bigint;
  version: bigint;
}

const COLUMNS = "product_id, on_hand, reserved, sold, received, version";

const selectStock = statement<Row>("find-stock", `SELECT ${COLUMNS} FROM stock WHERE product_id = $1::uuid`);

const lockStock = statement<Row>("lock-stock", `SELECT ${COLUMNS} FROM stock WHERE product_id = $1::uuid FOR UPDATE`);

const createStock = statement(
  "create-stock",
  `INSERT INTO stock (${COLUMNS}) VALUES ($1::uuid, 0, 0, 0, 0, 0) ON CONFLICT (product_id) DO NOTHING`,
);

const AUDIT = 5;
const EVENTS = AUDIT + 6;
const REQUEST = EVENTS + OUTBOX_PARAMETERS;

const saveStock = statement(
  "adjust-stock",
  `WITH saved AS (
    UPDATE stock SET on_hand = $2::bigint, received = $3::bigint, version = $4::bigint WHERE product_id = $1::uuid
  ), audited AS (
    INSERT INTO runtime.audit (id, actor, action, target, correlation_id, details)
    VALUES ($${AUDIT}::uuid, $${AUDIT + 1}, $${AUDIT + 2}, $${AUDIT + 3}, $${AUDIT + 4}, $${AUDIT + 5}::jsonb)
  ), published AS (${outboxInsert(EVENTS)})
  ${rememberRequest(REQUEST, `WHERE $${REQUEST}::text IS NOT NULL`)}`,
);

const NOT_REMEMBERED = Array.from({ length: REMEMBER_PARAMETERS }, () => null);

/** Why stock is changed by hand, for the audit trail. */
export interface Reason {
  readonly actor: string;
  readonly reason: string;
}

/** The stock of a product; undefined when none was ever recorded. */
export async function findStock(db: Queryable, productId: string): Promise<Stock | undefined> {
  const [row] = await selectStock(db, [productId]);
  return row && toStock(row);
}

/** Adds to the stock of a product, or writes some off; the answer that `remember` gets is stored with it. Throws OutOfStock. */
export async function changeStock(
  pool: Pool,
  change: { productId: string; delta: bigint } & Reason,
  origin: Origin,
  remember: (stock: Stock) => readonly unknown[] = () => NOT_REMEMBERED,
): Promise<Stock> {
  const changed = await inTransaction(pool, async (tx) => {
    await createStock(tx, [change.productId]);
    const [row] = await lockStock(tx, [change.productId]);
    const stock = adjust(row ? toStock(row) : noStock(change.productId), change.delta);
    const id = randomUUIDv7();
    await saveStock(tx, [
      ...[stock.productId, stock.onHand, stock.received, stock.version],
      ...[id, change.actor, "stock.adjusted", `product:${stock.productId}`, origin.correlationId],
      JSON.stringify({ delta: Number(change.delta), reason: change.reason, onHand: Number(stock.onHand) }),
      ...outboxValues(
        [
          event(StockAdjusted, id, 1, { productId: stock.productId, delta: change.delta }),
          event(StockLevelChanged, stock.productId, stock.version, {
            productId: stock.productId,
            onHand: stock.onHand,
          }),
        ],
        origin,
      ),
      ...remember(stock),
    ]);
    crashPoint("inventory.before-adjust-commit");
    return stock;
  });
  crashPoint("inventory.after-adjust-commit");
  return changed;
}

function toStock(row: Row): Stock {
  const { product_id: productId, on_hand: onHand, reserved, sold, received, version } = row;
  return { productId, onHand, reserved, sold, received, version };
}
