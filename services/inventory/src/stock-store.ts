/** The stock of single products: read, and changed by hand. */
import { randomUUIDv7 } from "node:crypto";
import { StockAdjusted, StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import type { RememberedRequest } from "@row/runtime/database/idempotency.ts";
import { type Queryable, statement } from "@row/runtime/database/postgres.ts";
import { inTransaction } from "@row/runtime/database/transaction.ts";
import { along, write } from "@row/runtime/database/write.ts";
import { event } from "@row/runtime/events/outbox.ts";
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

const adjustStocks = write(
  "adjust-stock",
  { product_id: "uuid", on_hand: "bigint", received: "bigint", version: "bigint" },
  {
    saved: `UPDATE stock SET on_hand = held.on_hand, received = held.received, version = held.version
      FROM held WHERE stock.product_id = held.product_id`,
  },
  { remembers: true, audits: true },
);

/** What is changed by hand, and why, for the audit trail. */
export interface Adjustment {
  readonly productId: string;
  /** How many come in; negative for a write-off. */
  readonly delta: bigint;
  readonly reason: string;
}

/** The stock of a product; undefined when none was ever recorded. */
export async function findStock(db: Queryable, productId: string): Promise<Stock | undefined> {
  const [row] = await selectStock(db, [productId]);
  return row && toStock(row);
}

/**
 * Adds to the stock of a product, or writes some off; the answer that `remember` makes is stored with it. Undefined when its
 * request was answered before. Throws OutOfStock.
 */
export async function adjustStock(
  pool: Pool,
  adjustment: Adjustment,
  remember?: (stock: Stock) => RememberedRequest,
): Promise<Stock | undefined> {
  const changed = await inTransaction(pool, async (tx) => {
    await createStock(tx, [adjustment.productId]);
    const [row] = await lockStock(tx, [adjustment.productId]);
    const stock = adjust(row ? toStock(row) : noStock(adjustment.productId), adjustment.delta);
    const [isNew] = await adjustStocks(tx, [toRecord(stock, adjustment, remember?.(stock))]);
    crashPoint("inventory.before-adjust-commit");
    return isNew ? stock : undefined;
  });
  crashPoint("inventory.after-adjust-commit");
  return changed;
}

function toRecord(stock: Stock, { delta, reason }: Adjustment, answer: RememberedRequest | undefined) {
  const { productId, onHand, received, version } = stock;
  const details = { delta: Number(delta), reason, onHand: Number(onHand) };
  return {
    ...{ product_id: productId, on_hand: String(onHand), received: String(received), version: String(version) },
    ...along({
      events: [
        event(StockAdjusted, randomUUIDv7(), 1, { productId, delta }),
        event(StockLevelChanged, productId, version, { productId, onHand }),
      ],
      acts: [{ action: "stock.adjusted", target: `product:${productId}`, details }],
      answer,
    }),
  };
}

function toStock(row: Row): Stock {
  const { product_id: productId, on_hand: onHand, reserved, sold, received, version } = row;
  return { productId, onHand, reserved, sold, received, version };
}
