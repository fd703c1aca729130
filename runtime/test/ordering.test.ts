import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { StockCommitted, StockReserved } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import type { Pool } from "pg";
import { afterAll, beforeAll, type TestContext, test } from "vitest";
import { readMigrations } from "../src/database/migrations.ts";
import type { Ordering } from "../src/events/delivery.ts";
import { toHeaders } from "../src/events/headers.ts";
import { batchValues, FRESH, FRESH_BATCH, FRESH_IN_ANY_ORDER, FRESH_IN_ORDER } from "../src/events/inbox.ts";
import { connectNats, type Nats } from "../src/events/nats.ts";
import { onEvent } from "../src/events/on-event.ts";
import type { EventType } from "../src/events/outbox.ts";
import { durableOf, orderingScopeOf } from "../src/events/stream-names.ts";
import { type Consumption, type Received, type SubscribeOptions, subscribe } from "../src/events/subscribe.ts";
import { eventually, log, provision, startNats, startPostgres } from "./harness.ts";

// Two events of one aggregate, the reservation of an order; each comes through a consumer of its own.
type Reservation = { orderId: string };
const RESERVED: EventType<Reservation> = StockReserved as never;
const COMMITTED: EventType<Reservation> = StockCommitted as never;

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let server: Awaited<ReturnType<typeof startNats>>;
let nats: Nats;
let pool: Pool;

beforeAll(async () => {
  [postgres, server] = await Promise.all([startPostgres(), startNats()]);
  nats = await connectNats({ url: server.url, log });
  ({ pool } = await postgres.database("consumer"));
  await pool.query("CREATE TABLE seen (service text, order_id text, number serial, sequence int)");
});

afterAll(async () => {
  await pool?.end();
  await nats?.close();
  await Promise.all([postgres?.remove(), server?.remove()]);
});

async function publish(type: EventType<Reservation>, orderId: string, sequence: number, id = randomUUID()) {
  const attributes = {
    ...{ id, type: type.$type, time: new Date(), aggregateId: orderId, sequence: BigInt(sequence) },
    ...{ correlationId: "c", traceparent: "", producer: "inventory/v1/i" },
  };
  const message = type.encode({ orderId, items: [] } as Reservation).finish();
  await nats.js.publish(type.$type, message, { headers: toHeaders(attributes), msgID: randomUUID() });
  return id;
}

/** How a service handles events of a type; may say the ordering itself. */
type Handling = (service: string, event: EventType<Reservation>) => Partial<Consumption<Reservation>>;

const noting = (fresh: string): Handling => {
  return (service) => ({
    handler: (_, delivery) =>
      pool.query(
        `WITH ${fresh} INSERT INTO seen (service, order_id, sequence) SELECT $5, $3, $4 WHERE EXISTS (SELECT FROM fresh)`,
        [...delivery.values, service],
      ),
  });
};

/** A service that consumes both. */
async function consumer(t: Pick<TestContext, "onTestFinished">, ordering: Ordering, handling: Handling) {
  const service = `s${randomUUID().slice(0, 8)}`;
  await provision(nats, service, [RESERVED.$type, COMMITTED.$type]);
  const subscriptions = [RESERVED, COMMITTED].map((event) =>
    subscribe({ event, ordering, ...handling(service, event), nats, service, log } as SubscribeOptions<Reservation>),
  );
  t.onTestFinished(async () => {
    await Promise.all(subscriptions.map((subscription) => subscription.stop()));
  });
  return {
    /** Waits until everything has been answered; then what was applied to an order, in that order. */
    async seen(orderId: string): Promise<number[]> {
      for (const { $type } of [RESERVED, COMMITTED]) {
        const durable = await nats.js.consumers.get("INVENTORY", durableOf(service, $type));
        await eventually("all are answered", async () => {
          const { num_pending, num_ack_pending } = await durable.info();
          return num_pending + num_ack_pending === 0;
        });
      }
      const { rows } = await pool.query(
        "SELECT sequence FROM seen WHERE service = $1 AND order_id = $2 ORDER BY number",
        [service, orderId],
      );
      return rows.map(({ sequence }) => sequence);
    },
  };
}

test("latest: an event older than one of another type is ignored", async (t) => {
  const { seen } = await consumer(t, "latest", noting(FRESH));
  const order = randomUUID();
  await publish(COMMITTED, order, 2);
  assert.deepEqual(await seen(order), [2]);
  await publish(RESERVED, order, 1);
  assert.deepEqual(await seen(order), [2]);
  await publish(RESERVED, order, 3);
  assert.deepEqual(await seen(order), [2, 3]);
});

test("latest, in a batch: the same", async (t) => {
  const { seen } = await consumer(
    t,
    "latest",
    (service) =>
      ({
        batch: {
          size: 10,
          handler: (batch: readonly Received<Reservation>[]) =>
            pool.query(
              `WITH ${FRESH_BATCH} INSERT INTO seen (service, order_id, sequence) SELECT $5, aggregate_id, sequence FROM fresh`,
              [...batchValues(batch), service],
            ),
        },
      }) as never,
  );
  const order = randomUUID();
  await publish(COMMITTED, order, 2);
  assert.deepEqual(await seen(order), [2]);
  await publish(RESERVED, order, 1);
  await publish(RESERVED, order, 3);
  assert.deepEqual(await seen(order), [2, 3]);
});

test("contiguous: each has its turn among those of all types", async (t) => {
  const { seen } = await consumer(t, "contiguous", noting(FRESH_IN_ORDER));
  const order = randomUUID();
  await publish(RESERVED, order, 3);
  await publish(COMMITTED, order, 2);
  await publish(RESERVED, order, 1);
  assert.deepEqual(await seen(order), [1, 2, 3]);
});

test("any: each is applied once, an older one too", async (t) => {
  const { seen } = await consumer(t, "any", noting(FRESH_IN_ANY_ORDER));
  const order = randomUUID();
  const id = await publish(COMMITTED, order, 2);
  assert.deepEqual(await seen(order), [2]);
  await publish(RESERVED, order, 1);
  await publish(COMMITTED, order, 2, id);
  assert.deepEqual(await seen(order), [2, 1]);
});

/** A consumer whose handlers write what they are told in the transaction that they are given. */
const byOnEvent = (ordering: Ordering): Handling => {
  return (service, event) => {
    const handle = onEvent(event, ordering, async ({ orderId }, tx, { sequence }) => {
      const values = [service, orderId, sequence];
      await tx.query("INSERT INTO seen (service, order_id, sequence) VALUES ($1, $2, $3)", values);
    });
    return handle(pool);
  };
};

test("onEvent, latest: an older event does not reach the handler", async (t) => {
  const { seen } = await consumer(t, "any", byOnEvent("latest"));
  const order = randomUUID();
  await publish(COMMITTED, order, 2);
  assert.deepEqual(await seen(order), [2]);
  await publish(RESERVED, order, 1);
  await publish(RESERVED, order, 3);
  assert.deepEqual(await seen(order), [2, 3]);
});

test("onEvent, contiguous: a handler gets each event after the one before it, of whichever type", async (t) => {
  const { seen } = await consumer(t, "any", byOnEvent("contiguous"));
  const order = randomUUID();
  await publish(RESERVED, order, 3);
  await publish(COMMITTED, order, 2);
  await publish(RESERVED, order, 1);
  assert.deepEqual(await seen(order), [1, 2, 3]);
});

test("onEvent, any: a handler gets each event once, an older one too, and the same one not again", async (t) => {
  const { seen } = await consumer(t, "latest", byOnEvent("any"));
  const order = randomUUID();
  const id = await publish(COMMITTED, order, 2);
  assert.deepEqual(await seen(order), [2]);
  await publish(RESERVED, order, 1);
  await publish(COMMITTED, order, 2, id);
  assert.deepEqual(await seen(order), [2, 1]);
});

test("onEvent: what a handler wrote before it failed is gone, and the event is handled by the next try", async (t) => {
  const order = randomUUID();
  let tries = 0;
  const failingOnce: Handling = (service, event) => {
    const handle = onEvent(event, "any", async ({ orderId }, tx, { sequence }) => {
      const values = [service, orderId, sequence];
      await tx.query("INSERT INTO seen (service, order_id, sequence) VALUES ($1, $2, $3)", values);
      if (orderId === order && tries++ === 0) throw new Error("not yet");
    });
    return handle(pool);
  };
  const { seen } = await consumer(t, "any", failingOnce);
  await publish(RESERVED, order, 1);
  assert.deepEqual(await seen(order), [1]);
  assert.equal(tries, 2);
});

test("what was noted by consumer before is noted by service and domain since", async () => {
  const { pool: old } = await postgres.database("old");
  try {
    const durable = (event: EventType<Reservation>) => durableOf("card-gateway", event.$type);
    await old.query("DROP TRIGGER applied_to_line ON runtime.applied");
    await old.query("INSERT INTO runtime.applied VALUES ($1, 'o-1', 3), ($2, 'o-1', 7), ($2, 'o-2', 1)", [
      durable(RESERVED),
      durable(COMMITTED),
    ]);
    const [, byDomain] = readMigrations(fileURLToPath(new URL("../prisma", import.meta.url)));
    await old.query(byDomain?.script ?? "");
    const line = async () => {
      const { rows } = await old.query<{ aggregate_id: string; sequence: number }>(
        "SELECT aggregate_id, sequence::int FROM runtime.applied WHERE consumer = $1 ORDER BY 1",
        [orderingScopeOf("card-gateway", RESERVED.$type)],
      );
      return Object.fromEntries(rows.map(({ aggregate_id, sequence }) => [aggregate_id, sequence]));
    };
    assert.deepEqual(await line(), { "o-1": 7, "o-2": 1 });

    // The version before goes on beside this one.
    await old.query("UPDATE runtime.applied SET sequence = 5 WHERE consumer = $1 AND aggregate_id = 'o-1'", [
      durable(RESERVED),
    ]);
    await old.query("INSERT INTO runtime.applied VALUES ($1, 'o-3', 2)", [durable(RESERVED)]);
    assert.deepEqual(await line(), { "o-1": 7, "o-2": 1, "o-3": 2 });
  } finally {
    await old.end();
  }
});
