import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import pg from "pg";
import { afterAll, beforeAll, test } from "vitest";
import { listDeadLetters } from "../src/events/dead-letters.ts";
import { toHeaders } from "../src/events/headers.ts";
import { connectNats, type Nats } from "../src/events/nats.ts";
import { durableOf, streamOf } from "../src/events/stream-names.ts";
import { type DeliveryOutcome, type Received, type SubscribeOptions, subscribe } from "../src/events/subscribe.ts";
import { eventually, log, provision, startNats } from "./harness.ts";

const EVENT = StockLevelChanged.$type;

let server: Awaited<ReturnType<typeof startNats>>;
let nats: Nats;
/** The consuming service, one for each test; it gets the events of its own test alone. */
let service: string;

beforeAll(async () => {
  server = await startNats();
  nats = await connectNats({ url: server.url, log });
});

afterAll(async () => {
  await nats?.close();
  await server?.remove();
});

/** Begins a test with events of these products. */
async function publish(products: readonly string[]): Promise<void> {
  service = `s${randomUUID().slice(0, 8)}`;
  await provision(nats, "nobody", []);
  await (await nats.js.jetstreamManager()).streams.purge(streamOf(EVENT));
  await provision(nats, service, [EVENT]);
  for (const productId of products) {
    const attributes = {
      ...{ id: randomUUID(), type: EVENT, time: new Date(), aggregateId: productId, sequence: 1n },
      ...{ correlationId: "c", traceparent: "", producer: "inventory/v1/i" },
    };
    const message = StockLevelChanged.encode({ productId, onHand: 1n }).finish();
    await nats.js.publish(EVENT, message, { headers: toHeaders(attributes), msgID: attributes.id });
  }
}

/** Hands the events out to somebody who gives them back, so often. */
async function handOut(times: number): Promise<void> {
  const consumer = await nats.js.consumers.get(streamOf(EVENT), durableOf(service, EVENT));
  for (let i = 0; i < times; i++) (await consumer.next({ expires: 2_000 }))?.nak();
}

type Options = SubscribeOptions<StockLevelChanged>;

function consume(options: Pick<Options, "handler" | "batch" | "tries">) {
  const outcomes: DeliveryOutcome[] = [];
  const observe = (_: unknown, outcome: DeliveryOutcome) => void outcomes.push(outcome);
  const event = StockLevelChanged;
  const subscription = subscribe({ nats, service, event, log, retryDelayMs: 10, observe, ...options } as Options);
  return { outcomes, stop: () => subscription.stop() };
}

async function deadLetters(): Promise<{ error: string; attempts: number }[]> {
  const all = await listDeadLetters(nats);
  return all.filter((letter) => letter.service === service).map(({ error, attempts }) => ({ error, attempts }));
}

function refused() {
  return Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
}

test("what others did with an event does not use up its tries", async (t) => {
  await publish(["p"]);
  await handOut(20);
  const attempts: number[] = [];
  const { stop, outcomes } = consume({
    tries: 3,
    handler: async (_, { attempt }) => {
      attempts.push(attempt);
      if (attempts.length < 3) throw new Error("not yet");
    },
  });
  t.onTestFinished(stop);
  await eventually("it is handled", () => outcomes.includes("handled"));
  assert.deepEqual(attempts, [21, 22, 23]);
  assert.deepEqual(outcomes, ["retried", "retried", "handled"]);
  assert.deepEqual(await deadLetters(), []);
});

test("an event that fails its tries is dead, however often it was handed out before", async (t) => {
  await publish(["p"]);
  await handOut(5);
  const { stop, outcomes } = consume({ tries: 3, handler: () => Promise.reject(new Error("never")) });
  t.onTestFinished(stop);
  await eventually("it is dead", () => outcomes.includes("dead"));
  assert.deepEqual(await deadLetters(), [{ error: "never", attempts: 3 }]);
});

test("while the database is away an event stays in hand, and is handed out once", async (t) => {
  await publish(["p"]);
  const attempts: number[] = [];
  const { stop, outcomes } = consume({
    tries: 1,
    handler: async (_, { attempt }) => {
      attempts.push(attempt);
      if (attempts.length === 1) throw refused();
      if (attempts.length === 2) throw new Error("Query read timeout");
    },
  });
  t.onTestFinished(stop);
  await eventually("it is handled", () => outcomes.includes("handled"));
  assert.deepEqual(attempts, [1, 1, 1]);
  assert.deepEqual(outcomes, ["unavailable", "unavailable", "handled"]);
});

test("while the database is away a batch stays together", async (t) => {
  await publish(["a", "b", "c", "d"]);
  const sizes: number[] = [];
  let isAway = true;
  const handler = async (batch: readonly Received<StockLevelChanged>[]) => {
    if (batch.length === 1) return sleep(50); // the first to come: the others gather meanwhile
    sizes.push(batch.length);
    if (!isAway) return;
    isAway = false;
    throw refused();
  };
  const { stop, outcomes } = consume({ tries: 1, batch: { size: 4, handler } });
  t.onTestFinished(stop);
  await eventually("all are handled", () => outcomes.filter((outcome) => outcome === "handled").length === 4);
  assert.deepEqual(sizes, [3, 3]);
});

test("a stop gives back what is in hand for want of a database", async () => {
  await publish(["p"]);
  const away = consume({ handler: () => Promise.reject(refused()) });
  await eventually("it was tried", () => away.outcomes.length > 0);
  const startedAt = performance.now();
  await away.stop();
  const next = consume({ handler: async () => {} });
  await eventually("another handles it", () => next.outcomes.includes("handled"));
  await next.stop();
  assert.ok(performance.now() - startedAt < 3_000, "at once, not when the server has lost patience");
});

test("a statement that lost against others is no failure of the event", async (t) => {
  const codes = ["40001", "40P01", "55P03", "57014"];
  await publish(codes);
  const lost = new Set<string>();
  const { stop, outcomes } = consume({
    tries: 1,
    handler: async ({ productId: code }) => {
      if (lost.has(code)) return;
      lost.add(code);
      throw Object.assign(new pg.DatabaseError("lost", 0, "error"), { code });
    },
  });
  t.onTestFinished(stop);
  await eventually("all are handled", () => outcomes.filter((outcome) => outcome === "handled").length === 4);
  assert.deepEqual([lost.size, await deadLetters()], [4, []]);
});

test("an event that no try ever ends is put aside in the end, without another", async (t) => {
  await publish(["poison"]);
  await handOut(10 * (1 + 16));
  let tries = 0;
  const { stop } = consume({ tries: 1, handler: async () => void tries++ });
  t.onTestFinished(stop);
  await eventually("it is dead", async () => (await deadLetters()).length === 1);
  assert.deepEqual(await deadLetters(), [{ error: "No try ends, of the 171 times it was handed out", attempts: 171 }]);
  assert.equal(tries, 0);
});
