import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import type pg from "pg";
import { afterAll, beforeAll, test } from "vitest";
import { connectNats, type Nats } from "../src/events/nats.ts";
import { event, type OutboxEvent, publish } from "../src/events/outbox.ts";
import { outboxBacklog, type Relay, startRelay } from "../src/events/relay.ts";
import { eventually, log, provision, startNats, startPostgres } from "./harness.ts";

const origin = {
  ...{ correlationId: "correlation-1", traceparent: "00-a-b-01", tracestate: "congo=1", baggage: "preview=v2" },
  producer: "inventory/v1/inventory-v1-1",
};

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let server: Awaited<ReturnType<typeof startNats>>;
let nats: Nats;

beforeAll(async () => {
  [postgres, server] = await Promise.all([startPostgres(), startNats()]);
  nats = await connectNats({ url: server.url, log });
  await provision(nats, "catalog", []);
});

afterAll(async () => {
  await nats.close();
  await Promise.all([postgres.remove(), server.remove()]);
});

const levels = (productId: string, count: number, from = 1): OutboxEvent[] =>
  Array.from({ length: count }, (_, i) =>
    event(StockLevelChanged, productId, from + i, { productId, onHand: BigInt(from + i) }),
  );

async function write(pool: pg.Pool, events: OutboxEvent[]) {
  await publish(pool, events, origin);
}

/** What the stream holds of a product, oldest first. */
async function published(productId: string) {
  const { streams } = await jetstreamManager(nats.connection);
  const { state } = await streams.info("INVENTORY");
  const messages = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await streams.getMessage("INVENTORY", { seq });
    if (message?.header.get("ce-subject") === productId) messages.push(message);
  }
  return messages;
}

test("publishes events in their order, with their attributes, and marks them", async (t) => {
  const { pool, url } = await postgres.database("order");
  const product = randomUUID();
  const events = levels(product, 700);
  await write(pool, events);
  const relay = startRelay({ pool, connectionString: url, nats, log });
  t.onTestFinished(async () => {
    await relay.stop();
    await pool.end();
  });
  assert.equal(await relay.flush(5000), true);
  assert.equal(relay.leads(), true);

  const messages = await published(product);
  assert.deepEqual(
    messages.map((message) => StockLevelChanged.decode(message.data).onHand),
    events.map((_, i) => BigInt(i + 1)),
  );
  const [first] = messages;
  assert.equal(first?.subject, "shop.inventory.v1.StockLevelChanged");
  assert.deepEqual(
    [
      "ce-id",
      "Nats-Msg-Id",
      "ce-type",
      "ce-source",
      "ce-sequence",
      "x-correlation-id",
      "traceparent",
      "tracestate",
      "baggage",
      "x-producer-version",
    ].map((name) => first?.header.get(name)),
    [
      events[0]?.id,
      events[0]?.id,
      "shop.inventory.v1.StockLevelChanged",
      "/inventory",
      "1",
      "correlation-1",
      "00-a-b-01",
      "congo=1",
      "preview=v2",
      "inventory/v1/inventory-v1-1",
    ],
  );
  assert.deepEqual(await outboxBacklog(pool), { unpublished: 0, oldestSeconds: 0 });
});

test("publishes a row that appears behind one already published", async (t) => {
  const { pool, url } = await postgres.database("behind");
  const relay = startRelay({ pool, connectionString: url, nats, log });
  const slow = await pool.connect();
  t.onTestFinished(async () => {
    await relay.stop();
    await pool.end();
  });
  const [early, late] = [randomUUID(), randomUUID()];
  await slow.query("BEGIN");
  await publish(slow, levels(early, 1), origin);
  await write(pool, levels(late, 1));
  assert.equal(await relay.flush(5000), true);
  await slow.query("COMMIT");
  slow.release();
  relay.wake();
  assert.equal(await relay.flush(5000), true);
  assert.equal((await published(early)).length, 1);
});

test("takes rows that SQL wrote, and passes over one that no event can be made of", async (t) => {
  const { pool, url } = await postgres.database("sql");
  const product = randomUUID();
  await pool.query(
    `INSERT INTO runtime.outbox (subject, aggregate_id, sequence, payload, correlation_id, producer)
     VALUES ('shop.inventory.v1.NoSuchEvent', $1, 1, '{}', 'c', 'p'),
       ('shop.inventory.v1.StockLevelChanged', $1, 2, jsonb_build_object('productId', $1::text, 'onHand', 7), 'c', 'p')`,
    [product],
  );
  const relay = startRelay({ pool, connectionString: url, nats, log });
  t.onTestFinished(async () => {
    await relay.stop();
    await pool.end();
  });
  await eventually("the good row is published", async () => (await outboxBacklog(pool)).unpublished === 1);
  const messages = await published(product);
  assert.deepEqual(
    messages.map((message) => StockLevelChanged.decode(message.data).onHand),
    [7n],
  );
});

test("only one of two relays publishes, and the other takes over", async (t) => {
  const { pool, url } = await postgres.database("two");
  const [one, two] = [1, 2].map(() => startRelay({ pool, connectionString: url, nats, log })) as [Relay, Relay];
  t.onTestFinished(async () => {
    await Promise.all([one.stop(), two.stop()]);
    await pool.end();
  });
  await eventually("one leads", () => one.leads() || two.leads());
  await sleep(50);
  assert.notEqual(one.leads(), two.leads());
  const [leader, standby] = one.leads() ? [one, two] : [two, one];

  const product = randomUUID();
  await write(pool, levels(product, 1));
  const startedAt = performance.now();
  standby.wake(); // reaches the leader through NOTIFY
  await eventually("it is published", async () => (await outboxBacklog(pool)).unpublished === 0);
  assert.ok(performance.now() - startedAt < 500, "woken, not polled");

  await leader.stop();
  await eventually("the standby leads", () => standby.leads(), 0.5);
  await write(pool, levels(product, 1, 2));
  assert.equal(await standby.flush(5000), true);
  assert.equal((await published(product)).length, 2);
});

test("takes the lock again on a new connection when it loses the first", async (t) => {
  const { pool, url } = await postgres.database("lost");
  const relay = startRelay({ pool, connectionString: url, nats, log });
  t.onTestFinished(async () => {
    await relay.stop();
    await pool.end();
  });
  await eventually("it leads", () => relay.leads());
  const itsBackends = "FROM pg_stat_activity WHERE application_name = 'outbox-relay' AND datname = 'lost'";
  const backend = async () => (await pool.query<{ pid: number }>(`SELECT pid ${itsBackends}`)).rows[0]?.pid;
  const first = await backend();
  assert.notEqual(first, undefined);
  await pool.query(`SELECT pg_terminate_backend(pid) ${itsBackends}`);
  // It may have the lock again before anybody could see it without.
  await eventually("it leads again, on another connection", async () => {
    const now = await backend();
    return now !== undefined && now !== first && relay.leads();
  });
  const product = randomUUID();
  await write(pool, levels(product, 1));
  assert.equal(await relay.flush(5000), true);
});

test("a relay killed between publishing and marking loses nothing", async (t) => {
  const { pool, url } = await postgres.database("killed");
  const product = randomUUID();
  const marker = join(tmpdir(), `row-crash-${product}`);
  t.onTestFinished(async () => {
    rmSync(marker, { force: true });
    await pool.end();
  });
  await write(pool, levels(product, 20));
  const child = fork(new URL("./relay-that-dies.ts", import.meta.url), [url, server.url], {
    stdio: "inherit",
    env: { ...process.env, CRASH_AT: "outbox.after-publish", CRASH_MARKER: marker },
  });
  const code = await new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  assert.equal(code, "SIGKILL");
  assert.equal((await published(product)).length, 20, "published");
  assert.equal((await outboxBacklog(pool)).unpublished, 20, "and not marked");

  const relay = startRelay({ pool, connectionString: url, nats, log });
  assert.equal(await relay.flush(5000), true);
  await relay.stop();
  assert.equal((await published(product)).length, 20, "published again, and recognised by the message id");
});

test("survives NATS and Postgres going away, and publishes what was written meanwhile", async (t) => {
  const { pool, url } = await postgres.database("outage");
  const relay = startRelay({ pool, connectionString: url, nats, log });
  t.onTestFinished(async () => {
    await relay.stop();
    await pool.end();
  });
  await eventually("it leads", () => relay.leads());
  const product = randomUUID();
  await server.stop();
  await write(pool, levels(product, 10));
  relay.wake();
  assert.equal(await relay.flush(600), false);
  await server.start();
  assert.equal(await relay.flush(8000), true);

  await write(pool, levels(product, 10, 11));
  await postgres.stop();
  relay.wake();
  await sleep(300);
  assert.equal(relay.leads(), false);
  await postgres.start();
  assert.equal(await relay.flush(8000), true);
  const ids = new Set((await published(product)).map((message) => message.header.get("ce-id")));
  assert.equal(ids.size, 20);
});

test("says at once why it cannot connect to NATS", async () => {
  const port = await freePort();
  await assert.rejects(
    connectNats({ url: `nats://127.0.0.1:${port}`, timeoutMs: 300 }),
    new RegExp(`^Error: Cannot reach NATS at nats://127\\.0\\.0\\.1:${port} within 0\\.3 s: `),
  );
});
