import { randomUUIDv7 } from "node:crypto";
import { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import type { RpcError } from "@row/runtime/rpc/status.ts";
import { type ServicesUnderTest, startServices } from "@row/tests/harness/service-under-test.ts";

export interface StockRow {
  on_hand: number;
  reserved: number;
  sold: number;
  received: number;
  version: number;
}

/** inventory with its stores, and what tests ask of it over and over. */
export async function startInventory(env: Record<string, string> = {}) {
  const services = await startServices({ services: ["inventory"], env });
  const db = services.database("inventory");
  const merchant = await services.auth.tokenFor({ roles: ["merchant"] });
  const orders = services.client("inventory", InventoryServiceService, { service: "orders" });
  const shopkeeper = services.client("inventory", InventoryServiceService, { service: "edge", token: merchant });
  return {
    services,
    db,
    orders,
    shopkeeper,
    /** A new product of which so many are on hand. */
    async product(onHand: number): Promise<string> {
      const productId = randomUUIDv7();
      const delta = BigInt(onHand);
      await shopkeeper.adjustStock({ productId, delta, reason: "delivery", requestId: randomUUIDv7() });
      return productId;
    },
    async stock(productId: string): Promise<StockRow | undefined> {
      const { rows } = await db.query<StockRow>(
        `SELECT on_hand::int, reserved::int, sold::int, received::int, version::int FROM stock WHERE product_id = $1`,
        [productId],
      );
      return rows[0];
    },
    async state(orderId: string): Promise<string | undefined> {
      const { rows } = await db.query("SELECT state FROM reservations WHERE order_id = $1", [orderId]);
      return rows[0]?.state;
    },
    /** Every event written about these aggregates, in the order of their sequence. */
    async events(aggregateId: string): Promise<{ type: string; sequence: number; payload: Record<string, unknown> }[]> {
      const { rows } = await db.query(
        `SELECT split_part(subject, '.', 4) AS type, sequence::int, payload FROM runtime.outbox
        WHERE aggregate_id = $1 ORDER BY sequence`,
        [aggregateId],
      );
      return rows;
    },
  };
}

export type InventoryUnderTest = Awaited<ReturnType<typeof startInventory>>;

/** "OK", or why not. */
export async function answerOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "OK",
    (error: RpcError) => error.reason || error.message,
  );
}

/** Where stock and reservations tell different stories; empty when all is well. Looks at every product there is. */
export async function disagreements({
  db,
}: {
  db: ServicesUnderTest["database"] extends (s: string) => infer P ? P : never;
}) {
  const { rows } = await db.query(`
    WITH held AS (
      SELECT (item ->> 'productId')::uuid AS product_id,
        coalesce(sum((item ->> 'quantity')::bigint) FILTER (WHERE state = 'RESERVED'), 0) AS reserved,
        coalesce(sum((item ->> 'quantity')::bigint) FILTER (WHERE state = 'COMMITTED'), 0) AS sold
      FROM reservations, jsonb_array_elements(items) AS item GROUP BY 1
    ), told AS (
      SELECT aggregate_id::uuid AS product_id, count(*) AS events, max(sequence) AS last,
        (array_agg((payload ->> 'onHand')::bigint ORDER BY sequence DESC))[1] AS on_hand
      FROM runtime.outbox WHERE subject = 'shop.inventory.v1.StockLevelChanged' GROUP BY 1
    )
    SELECT stock.*, held.*, told.* FROM stock LEFT JOIN held USING (product_id) LEFT JOIN told USING (product_id)
    WHERE stock.reserved <> coalesce(held.reserved, 0) OR stock.sold <> coalesce(held.sold, 0)
      OR stock.on_hand + stock.reserved + stock.sold <> stock.received OR stock.on_hand < 0
      OR told.events IS DISTINCT FROM stock.version OR told.last <> stock.version OR told.on_hand <> stock.on_hand`);
  return rows;
}
