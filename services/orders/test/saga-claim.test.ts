import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { MOST_COUNTED } from "@row/runtime/database/counting.ts";
import { readMigrations } from "@row/runtime/database/migrations.ts";
import { createPool } from "@row/runtime/database/postgres.ts";
import { createLogger } from "@row/runtime/telemetry/logger.ts";
import type pg from "pg";
import { afterAll, beforeAll, test } from "vitest";
import { startPostgres } from "../../../runtime/test/harness.ts";
import { thisWorker } from "../src/saga/saga-record.ts";
import { SagaStore } from "../src/saga/saga-store.ts";

const MANY = 100_000;

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let db: pg.Pool;
beforeAll(async () => {
  postgres = await startPostgres();
  const { url, pool } = await postgres.database("orders");
  for (const { script } of readMigrations(fileURLToPath(new URL("../prisma", import.meta.url))))
    await pool.query(script);
  await pool.end();
  db = createPool(url, createLogger({}, "silent"), 1); // one connection, whose figures are complete when it says so
});
afterAll(async () => {
  await db?.end();
  await postgres?.remove();
});

/** Sagas that nobody holds: those that wait are due in so many seconds. */
async function addSagas(count: number, isWaiting: boolean, dueIn: number, version = "v1"): Promise<void> {
  await db.query(
    `INSERT INTO sagas (order_id, name, definition, service_version, direction, step, attempt, uncertain, reason, data,
       cancel_requested, correlation_id, traceparent, deadline, next_attempt_time, lease_owner, lease_until, fence, revision,
       stuck, waiting_revision)
     SELECT gen_random_uuid(), 'place-order', 1, $4, 'forward', 1, 1, true, '', '{}', false, 'c', '', now(),
       now() + $3 * interval '1 s', '', now() - interval '1 s', 2, 7, false, CASE WHEN $2 THEN 7 END FROM generate_series(1, $1)`,
    [count, isWaiting, dueIn, version],
  );
}

async function rowsRead(): Promise<number> {
  await db.query("SELECT pg_stat_force_next_flush()");
  const { rows } = await db.query<{ read: string }>(
    "SELECT seq_tup_read + idx_tup_fetch AS read FROM pg_stat_user_tables WHERE relname = 'sagas'",
  );
  return Number(rows[0]?.read);
}

test("taking sagas reads about as many as it takes, however many wait", async () => {
  const store = new SagaStore(db, thisWorker("orders/v1/orders-v1-1"));
  await store.heartbeat();
  await addSagas(MANY, true, 3_600);
  await addSagas(30, true, -1);
  await addSagas(30, false, -1);
  await db.query("ANALYZE sagas");
  for (const [least, most] of [
    [20, 20],
    [20, 20],
    [20, 20],
    [0, 0],
    [0, 0],
    [0, 0], // by now Postgres has its one plan for any values
    [0, 0],
  ] as const) {
    const before = await rowsRead();
    const taken = (await store.claim(20)).length;
    assert.ok(taken >= least && taken <= most, `${taken} taken`);
    const read = (await rowsRead()) - before;
    assert.ok(read < 500, `${read} rows read for ${taken}`);
  }
});

test("counting what is open reads up to where it counts, and stuck ones only", async () => {
  const store = new SagaStore(db, thisWorker("orders/v1/orders-v1-1"));
  await db.query("UPDATE sagas SET stuck = true WHERE order_id IN (SELECT order_id FROM sagas LIMIT 7)");
  await db.query("VACUUM ANALYZE sagas");
  for (let times = 1; times <= 7; times += 1) {
    const before = await rowsRead();
    const { open, stuck, oldestSeconds } = await store.countOpen();
    assert.deepEqual({ open, stuck }, { open: MOST_COUNTED, stuck: 7 });
    assert.ok(oldestSeconds > 0);
    const read = (await rowsRead()) - before;
    assert.ok(read <= MOST_COUNTED + 500, `${read} rows read`);
  }
});
