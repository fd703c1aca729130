import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { headers } from "@nats-io/transport-node";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import type { Pool } from "pg";
import { afterAll, beforeAll, test } from "vitest";
import {
  countDeadLetters,
  dropDeadLetter,
  listDeadLetters,
  replayDeadLetter,
  showDeadLetter,
} from "../src/events/dead-letters.ts";
import { toHeaders } from "../src/events/headers.ts";
import { batchValues, FRESH, FRESH_BATCH, FRESH_IN_ORDER, inTransaction } from "../src/events/inbox.ts";
import { connectNats, type Nats } from "../src/events/nats.ts";
import { event, publish as writeEvents } from "../src/events/outbox.ts";
import { startRelay } from "../src/events/relay.ts";
import { durableOf } from "../src/events/stream-names.ts";
import { type SubscribeOptions, subscribe } from "../src/events/subscribe.ts";
import { eventually, log, provision, startNats, startPostgres } from "./harness.ts";

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let server: Awaited<ReturnType<typeof startNats>>;
let nats: Nats;
let pool: Pool;

beforeAll(async () => {
  [postgres, server] = await Promise.all([startPostgres(), startNats()]);
  nats = await connectNats({ url: server.url, log });
  ({ pool } = await postgres.database("catalog"));
  await pool.query(`CREATE TABLE product (id text PRIMARY KEY, on_hand bigint NOT NULL, changes int NOT NULL DEFAULT 1);
    CREATE TABLE reservation (order_id text PRIMARY KEY, sequences bigint[] NOT NULL)`);
});

afterAll(async () => {
  await pool.end();
  await nats.close();
  await Promise.all([postgres.remove(), server.remove()]);
});

/** Publishes as a relay does; the same id under another message id is a redelivery that no server recognises. */
async function publish(level: { product: string; sequence: number; id?: string; bytes?: Uint8Array }) {
  const { product, sequence, id = randomUUID(), bytes } = level;
  const message = bytes ?? StockLevelChanged.encode({ productId: product, onHand: BigInt(sequence * 10) }).finish();
  const attributes = {
    id,
    type: StockLevelChanged.$type,
    time: new Date(),
    aggregateId: product,
    sequence: BigInt(sequence),
    correlationId: "correlation-1",
    traceparent: "",
    producer: "inventory/v1/i",
  };
  await nats.js.publish(StockLevelChanged.$type, message, { headers: toHeaders(attributes), msgID: randomUUID() });
  return id;
}

type Options = SubscribeOptions<StockLevelChanged>;

/** Subscribes a service of its own, so that tests do not see each other's events. */
async function consumer(
  options: { service: string } & Partial<Omit<Options, "batch" | "handler">> & Pick<Options, "batch" | "handler">,
) {
  await provision(nats, options.service, [StockLevelChanged.$type]);
  return subscribe({ nats, event: StockLevelChanged, log, retryDelayMs: 20, ...options } as Options);
}

const UPSERT = `INSERT INTO product (id, on_hand) SELECT $5::text, $6::bigint WHERE EXISTS (SELECT FROM fresh)
  ON CONFLICT (id) DO UPDATE SET on_hand = excluded.on_hand, changes = product.changes + 1`;

const levelOf = async (id: string) => {
  const { rows } = await pool.query("SELECT on_hand, changes FROM product WHERE id = $1", [id]);
  return rows[0] ? { onHand: Number(rows[0].on_hand), changes: rows[0].changes } : undefined;
};

/** Waits until the server has nothing more to deliver and no answer is missing. */
async function settled(service: string) {
  const durable = await nats.js.consumers.get("INVENTORY", durableOf(service, StockLevelChanged.$type));
  await eventually(`${service} has settled`, async () => {
    const info = await durable.info();
    return info.num_pending === 0 && info.num_ack_pending === 0;
  });
}

test("each event three times and in any order changes what the newest one says, once", async (t) => {
  const subscription = await consumer({
    service: "shuffled",
    handler: (level, delivery) =>
      pool.query({
        name: "upsert",
        text: `WITH ${FRESH} ${UPSERT}`,
        values: [...delivery.values, level.productId, level.onHand],
      }),
  });
  t.onTestFinished(() => subscription.stop());
  const products = [randomUUID(), randomUUID(), randomUUID()];
  const levels = products.flatMap((product) =>
    [1, 2, 3, 4, 5].map((sequence) => ({ product, sequence, id: randomUUID() })),
  );
  const shuffled = [...levels, ...levels, ...levels]
    .map((level) => ({ level, key: Math.random() }))
    .sort((a, b) => a.key - b.key);
  for (const { level } of shuffled) await publish(level);
  await settled("shuffled");
  for (const product of products) {
    const level = await levelOf(product);
    assert.equal(level?.onHand, 50);
    assert.ok(level.changes <= 5);
  }
});

test("applies a batch in one statement, and one by one when it fails", async (t) => {
  const sizes: number[] = [];
  const product = randomUUID();
  for (let sequence = 1; sequence <= 60; sequence++) await publish({ product, sequence });
  const subscription = await consumer({
    service: "batched",
    tries: 2,
    batch: {
      size: 50,
      async handler(batch) {
        sizes.push(batch.length);
        if (batch.some(({ delivery }) => delivery.aggregateId === product && delivery.sequence === 7n))
          throw new Error("seven");
        await pool.query(
          `WITH ${FRESH_BATCH} INSERT INTO product (id, on_hand)
           SELECT id, on_hand FROM unnest($2::uuid[], $5::text[], $6::bigint[]) AS level (event_id, id, on_hand) JOIN fresh USING (event_id)
           ON CONFLICT (id) DO UPDATE SET on_hand = excluded.on_hand, changes = product.changes + 1`,
          [...batchValues(batch), batch.map(({ event }) => event.productId), batch.map(({ event }) => event.onHand)],
        );
      },
    },
  });
  t.onTestFinished(() => subscription.stop());
  await settled("batched");
  assert.equal((await levelOf(product))?.onHand, 600);
  assert.ok(Math.max(...sizes) > 10, `batches of ${sizes}`);
  const dead = (await listDeadLetters(nats)).filter((letter) => letter.service === "batched");
  assert.deepEqual(
    dead.map((letter) => [letter.aggregateId, letter.error]),
    [[product, "seven"]],
  );
});

test("an event that comes before its turn waits for it", async (t) => {
  const outcomes: string[] = [];
  const subscription = await consumer({
    service: "contiguous",
    ordering: "contiguous",
    handler: (_, delivery) =>
      pool.query(
        `WITH ${FRESH_IN_ORDER} INSERT INTO reservation SELECT $3, ARRAY[$4::bigint] WHERE EXISTS (SELECT FROM fresh)
         ON CONFLICT (order_id) DO UPDATE SET sequences = reservation.sequences || excluded.sequences`,
        [...delivery.values],
      ),
    observe: (delivery, outcome) => {
      if (delivery.aggregateId === order) outcomes.push(outcome);
    },
  });
  t.onTestFinished(() => subscription.stop());
  const order = randomUUID();
  for (const sequence of [3, 2, 3, 1, 4]) await publish({ product: order, sequence });
  await settled("contiguous");
  const { rows } = await pool.query("SELECT sequences FROM reservation WHERE order_id = $1", [order]);
  assert.deepEqual(rows[0]?.sequences, ["1", "2", "3", "4"]);
  assert.ok(outcomes.includes("gap"));
});

test("inTransaction runs its work once and undoes it with the inbox when it fails", async (t) => {
  const product = randomUUID();
  let tries = 0;
  const subscription = await consumer({
    service: "transactional",
    handler: (level, delivery) =>
      inTransaction(pool, delivery, async (tx) => {
        if (delivery.aggregateId !== product) return;
        tries++;
        await tx.query("INSERT INTO product (id, on_hand) VALUES ($1, $2)", [level.productId, level.onHand]);
        if (tries < 3) throw new Error("not yet");
      }),
  });
  t.onTestFinished(() => subscription.stop());
  const id = await publish({ product, sequence: 1 });
  await publish({ product, sequence: 1, id });
  await settled("transactional");
  assert.equal(tries, 3);
  assert.deepEqual(await levelOf(product), { onHand: 10, changes: 1 });
});

test("an event that no try could handle becomes a dead letter, and a replay handles it", async (t) => {
  const product = randomUUID();
  let broken = true;
  const attempts: number[] = [];
  const subscription = await consumer({
    service: "broken",
    tries: 4,
    handler: async (level, delivery) => {
      if (delivery.aggregateId !== product) return;
      attempts.push(delivery.attempt);
      if (broken) throw new Error("Cannot set the level:\nthe shelf is broken");
      await pool.query(`WITH ${FRESH} ${UPSERT}`, [...delivery.values, level.productId, level.onHand]);
    },
  });
  t.onTestFinished(() => subscription.stop());
  const id = await publish({ product, sequence: 1 });
  await settled("broken");
  assert.deepEqual(attempts, [1, 2, 3, 4]);
  const mine = async () => (await listDeadLetters(nats)).filter((letter) => letter.service === "broken");
  const [letter] = await mine();
  assert.ok(letter);
  assert.deepEqual(
    [letter.subject, letter.eventId, letter.aggregateId, letter.attempts, letter.error, letter.correlationId],
    [StockLevelChanged.$type, id, product, 4, "Cannot set the level: the shelf is broken", "correlation-1"],
  );
  const { payload } = await showDeadLetter(nats, letter.id);
  assert.equal(StockLevelChanged.decode(payload).productId, product);

  await replayDeadLetter(nats, letter.id); // fails again: it must not be swallowed as a duplicate
  await eventually("it is dead again", async () => (await mine()).length === 1 && (await mine())[0]?.id !== letter.id);
  broken = false;
  await replayDeadLetter(nats, (await mine())[0]?.id ?? 0);
  await eventually("it is handled", async () => (await levelOf(product))?.onHand === 10);
  assert.deepEqual(await mine(), []);
  await assert.rejects(dropDeadLetter(nats, letter.id), /Cannot find dead letter/);
});

test("what cannot be read becomes a dead letter at once", async (t) => {
  const product = randomUUID();
  let handled = 0;
  const subscription = await consumer({
    service: "reader",
    handler: async (_, delivery) => {
      if (delivery.aggregateId === product) handled++;
    },
  });
  t.onTestFinished(() => subscription.stop());
  await publish({ product, sequence: 1, bytes: Buffer.from([0x0a, 0xff, 0x01]) });
  await nats.js.publish(StockLevelChanged.$type, "no headers", { headers: headers() });
  const mine = async () => (await listDeadLetters(nats)).filter((letter) => letter.service === "reader");
  await eventually("both are dead", async () => (await mine()).length === 2);
  assert.equal(handled, 0);
  const before = await countDeadLetters(nats);
  for (const letter of await mine()) await dropDeadLetter(nats, letter.id);
  assert.equal(await countDeadLetters(nats), before - 2);
  // The other consumers of this test file saw them too; from here on they are gone.
});

test("an absent database does not use up the tries, and a restarted NATS does not end the consumer", async (t) => {
  const product = randomUUID();
  const outcomes: string[] = [];
  const subscription = await consumer({
    service: "outage",
    tries: 1,
    handler: (level, delivery) =>
      pool.query(`WITH ${FRESH} ${UPSERT}`, [...delivery.values, level.productId, level.onHand]),
    observe: (delivery, outcome) => {
      if (delivery.aggregateId === product) outcomes.push(outcome);
    },
  });
  t.onTestFinished(() => subscription.stop());
  await settled("outage");
  await postgres.stop();
  await publish({ product, sequence: 1 });
  await eventually("it was tried in vain", () => outcomes.length > 0);
  await postgres.start();
  await eventually("it is handled", () => outcomes.includes("handled"));
  assert.deepEqual(new Set(outcomes), new Set(["unavailable", "handled"]));

  await server.stop();
  await sleep(300);
  await server.start();
  await eventually("NATS is back", () => nats.connected());
  await publish({ product, sequence: 2 });
  await eventually("it is handled", async () => (await levelOf(product))?.onHand === 20, 15);
});

test("stopping finishes what is in hand and gives back the rest", async () => {
  const product = randomUUID();
  const release = Promise.withResolvers<void>();
  let begun = 0;
  let finished = 0;
  const handler = async (_: StockLevelChanged, { aggregateId }: { aggregateId: string }) => {
    if (!aggregateId.startsWith(product)) return;
    begun++;
    await release.promise;
    finished++;
  };
  const subscription = await consumer({ service: "stopped", concurrency: 2, handler });
  await settled("stopped");
  for (let i = 0; i < 10; i++) await publish({ product: `${product}-${i}`, sequence: 1 });
  await eventually("two are in hand", () => begun === 2);
  const stopped = subscription.stop();
  release.resolve();
  await stopped;
  assert.deepEqual([begun, finished], [2, 2]);
  const next = await consumer({ service: "stopped", handler });
  await eventually("the next takes the rest", () => finished === 10);
  await next.stop();
});

test("an event is handled within 50 ms of its commit", async (t) => {
  const { pool: inventory, url: inventoryUrl } = await postgres.database("inventory");
  const relay = startRelay({ pool: inventory, connectionString: inventoryUrl, nats, log });
  const seen = new Map<string, number>();
  const subscription = await consumer({
    service: "quick",
    handler: async (_, delivery) => void seen.set(delivery.aggregateId, performance.now()),
  });
  t.onTestFinished(async () => {
    await Promise.all([subscription.stop(), relay.stop()]);
    await inventory.end();
  });
  await settled("quick");
  await eventually("the relay leads", () => relay.leads());
  const origin = { correlationId: "c", producer: "inventory/v1/i" };
  const lags: number[] = [];
  for (let i = 0; i < 50; i++) {
    const productId = randomUUID();
    await writeEvents(inventory, [event(StockLevelChanged, productId, 1, { productId, onHand: 1n })], origin);
    const committedAt = performance.now();
    await eventually("it is handled", () => seen.has(productId));
    lags.push((seen.get(productId) ?? Number.POSITIVE_INFINITY) - committedAt);
  }
  lags.sort((a, b) => a - b);
  t.annotate(`median ${lags[25]?.toFixed(1)} ms, largest ${lags[49]?.toFixed(1)} ms`);
  assert.ok((lags[45] ?? Number.POSITIVE_INFINITY) < 50, "nine in ten, on a machine that does other things too");
});
