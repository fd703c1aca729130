import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { afterAll, beforeAll, describe, test } from "vitest";
import { registry } from "../src/contract.ts";
import { toHeaders } from "../src/events/headers.ts";
import { connectNats, type Nats } from "../src/events/nats.ts";
import { ACK_WAIT_SECONDS, consumerConfig, durableOf, streamOf } from "../src/events/stream-names.ts";
import { provisionStreams } from "../src/events/streams.ts";
import { subscribe } from "../src/events/subscribe.ts";
import { eventually, log, startNats } from "./harness.ts";

const EVENT = StockLevelChanged.$type;
const STREAM = streamOf(EVENT);
const listeners = ["slow", "hanging", "eager", "batching", "older"].map((name) => ({ name, consumes: [EVENT] }));

let server: Awaited<ReturnType<typeof startNats>>;
let nats: Nats;

beforeAll(async () => {
  server = await startNats();
  nats = await connectNats({ url: server.url, log });
  await provisionStreams(nats.connection, registry, listeners);
});

afterAll(async () => {
  await nats?.close();
  await server?.remove();
});

async function publish(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const productId = randomUUID();
    const attributes = {
      ...{ id: randomUUID(), type: EVENT, time: new Date(), aggregateId: productId, sequence: 1n },
      ...{ correlationId: "c", traceparent: "", producer: "inventory/v1/i" },
    };
    const message = StockLevelChanged.encode({ productId, onHand: 1n }).finish();
    await nats.js.publish(EVENT, message, { headers: toHeaders(attributes), msgID: attributes.id });
  }
}

async function infoOf(service: string) {
  const { consumers } = await jetstreamManager(nats.connection);
  return consumers.info(STREAM, durableOf(service, EVENT));
}

test("a consumer takes no more than it has use for soon", async (t) => {
  await publish(100);
  const enough = new AbortController();
  const handler = () => sleep(60_000, undefined, { signal: enough.signal }).catch(() => {});
  const options = { nats, event: StockLevelChanged, log };
  const subscriptions = [
    subscribe({ ...options, service: "eager", concurrency: 4, handler }),
    subscribe({ ...options, service: "batching", batch: { size: 20, handler } }),
  ];
  t.onTestFinished(async () => {
    enough.abort();
    await Promise.all(subscriptions.map((subscription) => subscription.stop()));
  });
  await eventually("both have taken some", async () => {
    const [eager, batching] = [await infoOf("eager"), await infoOf("batching")];
    return eager.num_ack_pending > 0 && batching.num_ack_pending > 0;
  });
  await sleep(500);
  const taken = [(await infoOf("eager")).num_ack_pending, (await infoOf("batching")).num_ack_pending];
  t.annotate(`${taken}`);
  assert.deepEqual(taken, [16, 40]);
});

test("an existing consumer gets the settings of now, and goes on where it was", async () => {
  const { consumers } = await jetstreamManager(nats.connection);
  const durable = durableOf("older", EVENT);
  await consumers.delete(STREAM, durable);
  await consumers.add(STREAM, { ...consumerConfig("older", EVENT), ack_wait: 30e9 });
  const consumer = await nats.js.consumers.get(STREAM, durable);
  for (let i = 0; i < 3; i++) await (await consumer.next())?.ackAck();
  await provisionStreams(nats.connection, registry, listeners);
  const { config, ack_floor } = await infoOf("older");
  assert.equal(config.ack_wait, ACK_WAIT_SECONDS * 1e9);
  assert.equal(ack_floor.consumer_seq, 3);
});

// Both wait for the server to lose patience: at the same time.
describe.concurrent("how long the server waits", () => {
  test("a handler that takes longer keeps its event to itself", async (t) => {
    await publish(1);
    const handedOut: number[] = [];
    const subscription = subscribe({
      nats,
      service: "slow",
      event: StockLevelChanged,
      log,
      concurrency: 200,
      handler: async (_, { attempt }) => {
        handedOut.push(attempt);
        await sleep((ACK_WAIT_SECONDS + 3) * 1_000);
      },
    });
    t.onTestFinished(() => subscription.stop());
    await eventually("all are in hand", () => handedOut.length === 101);
    await eventually("none is any more", async () => (await infoOf("slow")).num_ack_pending === 0, 20);
    assert.deepEqual([handedOut.length, Math.max(...handedOut)], [101, 1]);
  });
  test("what a killed process had in hand comes to another before long", async (t) => {
    const child = fork(new URL("./consumer-that-hangs.ts", import.meta.url), [server.url, "hanging"]);
    await once(child, "message");
    child.kill("SIGKILL");
    await once(child, "exit");
    const killedAt = performance.now();
    const attempts: number[] = [];
    const subscription = subscribe({
      nats,
      service: "hanging",
      event: StockLevelChanged,
      log,
      handler: async (_, { attempt }) => void attempts.push(attempt),
    });
    t.onTestFinished(() => subscription.stop());
    await eventually("all are handled", () => attempts.length === 101, ACK_WAIT_SECONDS + 5);
    assert.ok(attempts.includes(2), "those that were in hand among them");
    t.annotate(`after ${Math.round(performance.now() - killedAt)} ms`);
  });
});
