/** `row orders rebuild`: folds every stream into a fresh order view, in one transaction. */
import { parseEnv, url } from "@row/runtime/config.ts";
import { createPool } from "@row/runtime/database/postgres.ts";
import { inTransaction } from "@row/runtime/database/transaction.ts";
import { createLogger } from "@row/runtime/telemetry/logger.ts";
import type pg from "pg";
import { type EventRow, fromRow } from "./event-schema.ts";
import { fold } from "./order.ts";
import { toRowJson } from "./order-row.ts";

const BATCH = 500;

/** What a rebuild found. */
export interface Rebuilt {
  readonly orders: number;
  /** Rows of the old view that were not what their streams make. */
  readonly differences: number;
}

/** Folds all streams. Reading goes on; what places or changes an order waits, up to its deadline. */
export function rebuild(pool: pg.Pool): Promise<Rebuilt> {
  return inTransaction(pool, async (tx) => {
    await tx.query("SET LOCAL statement_timeout = 0");
    await tx.query("LOCK TABLE order_events IN SHARE MODE");
    await tx.query("CREATE TEMPORARY TABLE fresh (LIKE orders INCLUDING ALL) ON COMMIT DROP");
    const orders = await foldAll(tx);
    const differing = await tx.query<{ count: string }>(
      `SELECT count(*)::text AS count FROM (
         (TABLE orders EXCEPT TABLE fresh) UNION ALL (TABLE fresh EXCEPT TABLE orders)) AS difference`,
    );
    await tx.query("DELETE FROM orders");
    await tx.query("INSERT INTO orders TABLE fresh");
    return { orders, differences: Number(differing.rows[0]?.count) };
  });
}

async function foldAll(client: pg.PoolClient): Promise<number> {
  let orders = 0;
  let after = "00000000-0000-0000-0000-000000000000";
  for (;;) {
    const batch = await client.query<{
      order_id: string;
      events: (Omit<EventRow, "version" | "created_time"> & { version: string; created_time: string })[];
    }>(
      `SELECT order_id, json_agg(json_build_object('version', version::text, 'type', type, 'schema_version', schema_version,
         'data', data, 'created_time', created_time) ORDER BY version) AS events
       FROM order_events WHERE order_id IN (
         SELECT DISTINCT order_id FROM order_events WHERE order_id > $1 ORDER BY order_id LIMIT ${BATCH})
       GROUP BY order_id ORDER BY order_id`,
      [after],
    );
    const rows = batch.rows.map(({ order_id, events }) => {
      const stream = events.map((event) =>
        fromRow({ ...event, version: BigInt(event.version), created_time: new Date(event.created_time) }),
      );
      const order = fold(order_id, stream);
      if (!order) throw new Error(`Cannot rebuild order "${order_id}": its stream is empty`);
      return JSON.stringify(toRowJson(order));
    });
    if (rows.length === 0) return orders;
    await client.query(
      "INSERT INTO fresh SELECT r.* FROM unnest($1::jsonb[]) AS j(row), jsonb_populate_record(NULL::orders, j.row) AS r",
      [rows],
    );
    orders += rows.length;
    after = batch.rows.at(-1)?.order_id ?? after;
  }
}

if (import.meta.main) {
  const { databaseUrl } = parseEnv({ databaseUrl: url("DATABASE_URL", ["postgres", "postgresql"]) });
  const pool = createPool(databaseUrl, createLogger({ service: "orders-rebuild" }, "warn"), 1, { answerMs: 0 });
  const { orders, differences } = await rebuild(pool);
  console.log(
    `Rebuilt the view of ${orders} orders from their events; ${differences === 0 ? "nothing" : `${differences} rows`} differed`,
  );
  await pool.end();
}
