import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, test, vi } from "vitest";
import { deleteExpired } from "../src/database/retention.ts";
import { event, publish } from "../src/events/outbox.ts";
import { startPostgres } from "./harness.ts";

const DAY_MS = 24 * 3_600_000;
const origin = { correlationId: "correlation-1", producer: "inventory/v1/inventory-v1-1" };

let postgres: Awaited<ReturnType<typeof startPostgres>>;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterEach(() => void vi.useRealTimers());
afterAll(() => postgres?.remove());

async function writeEvents(pool: pg.Pool, count: number): Promise<void> {
  const productId = randomUUID();
  const events = Array.from({ length: count }, (_, i) =>
    event(StockLevelChanged, productId, i + 1, { productId, onHand: 1n }),
  );
  await publish(pool, events, origin);
}

const rowsIn = async (pool: pg.Pool, table: string) =>
  Number((await pool.query(`SELECT count(*) FROM runtime.${table}`)).rows[0].count);

for (const [name, jump] of Object.entries({ ahead: 365 * DAY_MS, behind: -365 * DAY_MS })) {
  test(`with a clock a year ${name} the outbox keeps each published event for a week, which a restore needs`, async (t) => {
    const { pool } = await postgres.database(`clock_${name}`);
    t.onTestFinished(() => pool.end());
    await writeEvents(pool, 10);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + jump });
    await writeEvents(pool, 10); // ids with another time, too
    await pool.query("UPDATE runtime.outbox SET published_time = now()");
    await deleteExpired(pool);
    assert.equal(await rowsIn(pool, "outbox"), 20);
    await pool.query("UPDATE runtime.outbox SET created_time = now() - interval '6 days 23 hours'");
    await deleteExpired(pool);
    assert.equal(await rowsIn(pool, "outbox"), 20);
    await pool.query("UPDATE runtime.outbox SET created_time = now() - interval '7 days 1 hour'");
    await deleteExpired(pool);
    assert.equal(await rowsIn(pool, "outbox"), 0);
  });
}

test("an event that is not published is kept however old it is", async (t) => {
  const { pool } = await postgres.database("unpublished");
  t.onTestFinished(() => pool.end());
  await writeEvents(pool, 3);
  await pool.query("UPDATE runtime.outbox SET created_time = now() - interval '1 year'");
  await deleteExpired(pool);
  assert.equal(await rowsIn(pool, "outbox"), 3);
});

test("answers to repeats are kept for two days and what a consumer took in for two weeks, while the process runs", async (t) => {
  const { pool } = await postgres.database("kept");
  t.onTestFinished(() => pool.end());
  for (const [hours, days] of [
    [47, 13],
    [49, 15],
  ]) {
    await pool.query(
      "INSERT INTO runtime.requests SELECT 'user:a', '/m', gen_random_uuid()::text, '', '', now() - $1 * interval '1 hour'",
      [hours],
    );
    await pool.query("INSERT INTO runtime.inbox SELECT 'catalog', gen_random_uuid(), now() - $1 * interval '1 day'", [
      days,
    ]);
  }
  assert.equal(await deleteExpired(pool), false);
  assert.equal(await rowsIn(pool, "requests"), 1);
  assert.equal(await rowsIn(pool, "inbox"), 1);
});

test("of very much that has expired some goes at once, and it says that there is more", async (t) => {
  const { pool } = await postgres.database("much");
  t.onTestFinished(() => pool.end());
  await pool.query(
    "INSERT INTO runtime.inbox SELECT 'catalog', gen_random_uuid(), now() - interval '1 year' FROM generate_series(1, 5000)",
  );
  assert.equal(await deleteExpired(pool), true);
  const left = await rowsIn(pool, "inbox");
  assert.ok(left > 0 && left < 5_000);
  while (await deleteExpired(pool));
  assert.equal(await rowsIn(pool, "inbox"), 0);
});

test("looking for what has expired reads no more rows than go, however many are kept", async (t) => {
  const { pool } = await postgres.database("plans");
  t.onTestFinished(() => pool.end());
  await pool.query(
    `INSERT INTO runtime.inbox SELECT 'catalog', gen_random_uuid(), now() FROM generate_series(1, 20000);
     INSERT INTO runtime.requests SELECT 'user:a', '/m', gen_random_uuid()::text, '', '', now() FROM generate_series(1, 20000);
     INSERT INTO runtime.outbox (subject, aggregate_id, sequence, payload, correlation_id, producer, published_time)
       SELECT 's', 'a', n, '{}', 'c', 'p', now() FROM generate_series(1, 20000) AS n;
     ANALYZE`,
  );
  const read = async () => {
    const { rows } = await pool.query(
      "SELECT sum(seq_tup_read + idx_tup_fetch) AS read FROM pg_stat_user_tables WHERE schemaname = 'runtime'",
    );
    return Number(rows[0].read);
  };
  const client = await pool.connect(); // figures of a backend are complete once it has said so
  try {
    await client.query("SELECT pg_stat_force_next_flush()");
    const before = await read();
    await deleteExpired(client);
    await client.query("SELECT pg_stat_force_next_flush()");
    assert.ok((await read()) - before < 100);
  } finally {
    client.release();
  }
});
