import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Order_State } from "@row/gen/es/shop/orders/v1/order_pb.ts";
import type { WatchOrderRequest } from "@row/gen/es/shop/orders/v1/order_service_pb.ts";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { bareStatus, EdgeUnderTest, ORDER_ID, refusal } from "./edge-under-test.ts";

const STALLED_MS = 500;

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await EdgeUnderTest.start({ stalledMs: STALLED_MS });
});
afterAll(() => edge.stop());
afterEach(() => edge.orders.forget());

const path = `/v1/orders/${ORDER_ID}:watch`;
const step = (state: Order_State, resumeToken: string) => ({ order: { id: ORDER_ID, state }, resumeToken });

async function* confirmed() {
  yield step(Order_State.PENDING, "1");
  yield step(Order_State.CONFIRMED, "2");
}

test("streams events with ids to resume from, and says when it ends", async () => {
  edge.orders.on("watchOrder", confirmed);
  const answer = await edge.send("GET", path, undefined, { accept: "text/event-stream" });
  assert.equal(answer.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.match(answer.headers.get("x-served-by") ?? "", /^edge\/.*orders\/v1/);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  const [first = "", second = "", end] = eventsOf(await answer.text());
  assert.match(first, /^id: 1\ndata: \{"order":\{.*"state":"STATE_PENDING".*"resumeToken":"1"\}$/);
  assert.match(second, /^id: 2\ndata: .*"state":"STATE_CONFIRMED"/);
  assert.equal(end, "event: end\ndata: {}");
});

test("streams lines of JSON to who asks for them", async () => {
  edge.orders.on("watchOrder", confirmed);
  const answer = await edge.send("GET", path, undefined, { accept: "application/x-ndjson" });
  assert.equal(answer.headers.get("content-type"), "application/x-ndjson; charset=utf-8");
  const states = linesOf(await answer.text()).map((line) => JSON.parse(line).order.state);
  assert.deepEqual(states, ["STATE_PENDING", "STATE_CONFIRMED"]);
});

test("refuses to stream in a type that it does not have", async () => {
  const answer = await edge.send("GET", path, undefined, { accept: "image/png" });
  assert.equal(answer.status, 406);
  assert.equal(edge.orders.received.length, 0);
});

test("resumes after Last-Event-ID, which beats the URL that an EventSource keeps", async () => {
  edge.orders.on("watchOrder", confirmed);
  await edge.send("GET", `${path}?resumeToken=1`);
  await edge.send("GET", `${path}?resumeToken=1`, undefined, { "last-event-id": "2" });
  const tokens = edge.orders.received.map(({ request }) => (request as WatchOrderRequest).resumeToken);
  assert.deepEqual(tokens, ["1", "2"]);
});

test("answers 204 to a resumed stream that has no more to say", async () => {
  edge.orders.on("watchOrder", async function* () {});
  assert.equal((await edge.send("GET", path, undefined, { "last-event-id": "2" })).status, 204);
  assert.equal((await edge.send("GET", path)).status, 200);
});

test("answers a refusal before the first message with its HTTP status", async () => {
  edge.orders.on("watchOrder", () => {
    throw refusal("not-found", "ORDER_NOT_FOUND", "Cannot watch the order: there is none");
  });
  const answer = await edge.send("GET", path);
  assert.equal(answer.status, 404);
  assert.match(await answer.text(), /ORDER_NOT_FOUND/);
});

test("ends a stream that fails later with an error event", async () => {
  edge.orders.on("watchOrder", async function* () {
    yield step(Order_State.PENDING, "1");
    throw refusal("unavailable", "DATABASE_UNAVAILABLE", "Cannot answer now");
  });
  const events = eventsOf(await (await edge.send("GET", path)).text());
  const [name, data = ""] = (events.at(-1) ?? "").split("\n");
  assert.equal(name, "event: error");
  assert.equal(JSON.parse(data.slice("data: ".length)).details[0].reason, "DATABASE_UNAVAILABLE");
  const lines = await (await edge.send("GET", path, undefined, { accept: "application/x-ndjson" })).text();
  assert.equal(JSON.parse(linesOf(lines).at(-1) ?? "").error.code, 14);
});

for (const [what, status] of [
  ["a service that stops", () => refusal("unavailable", "STOPPING", "Cannot go on: it stops")],
  ["a connection that breaks", () => bareStatus(14, "Connection dropped")],
] as const) {
  test(`never says that a stream has ended well when it is ${what}`, async () => {
    edge.orders.on("watchOrder", async function* () {
      yield step(Order_State.PENDING, "1");
      throw status();
    });
    for (const headers of [{}, { "last-event-id": "0" }] as Record<string, string>[]) {
      const answer = await edge.send("GET", path, undefined, headers);
      assert.equal(answer.status, 200);
      const [first = "", last = "", ...rest] = eventsOf(await answer.text());
      assert.match(first, /^id: 1\n/);
      assert.match(last, /^event: error\ndata: \{"code":14,"message":"Cannot .*"details":\[/);
      assert.deepEqual(rest, []);
    }
  });

  test(`answers 503, and not 204, to a resumed stream before whose first message it is ${what}`, async () => {
    edge.orders.on("watchOrder", () => {
      throw status();
    });
    const answer = await edge.send("GET", path, undefined, { "last-event-id": "2" });
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
    assert.equal(((await answer.json()) as { code: number }).code, 14);
  });
}

test("answers HEAD with the head of the stream, and opens none", async () => {
  const answer = await edge.send("HEAD", path, undefined, { accept: "application/x-ndjson" });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/x-ndjson; charset=utf-8");
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.equal(await answer.text(), "");
  assert.equal((await edge.send("HEAD", path, undefined, { accept: "image/png" })).status, 406);
  assert.equal(edge.orders.received.length, 0);
});

test("hangs up on a reader who reads nothing, and cancels the call", { timeout: 20_000 }, async () => {
  const cancelled = Promise.withResolvers<void>();
  const paymentId = "x".repeat(100_000);
  edge.orders.on("watchOrder", async function* (_call, signal) {
    signal.addEventListener("abort", () => cancelled.resolve());
    // More than the sockets on the way have room for.
    for (let i = 0; i < 300 && !signal.aborted; i += 1) {
      yield { order: { id: ORDER_ID, paymentId }, resumeToken: String(i) };
      await sleep(1);
    }
    await cancelled.promise;
  });
  const { port, hostname } = new URL(edge.url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.pause();
  const token = await edge.auth.tokenFor();
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`);
  await cancelled.promise;
  socket.resume();
  await once(socket, "close");
});

test("shows signs of life while nothing happens", async () => {
  edge.orders.on("watchOrder", async function* () {
    await sleep(500);
    yield step(Order_State.PENDING, "1");
  });
  const text = await (await edge.send("GET", path)).text();
  assert.match(text, /^: still here\n\n(: still here\n\n)?id: 1\n/);
});

test("cancels the call when the reader goes away", async () => {
  const cancelled = Promise.withResolvers<void>();
  edge.orders.on("watchOrder", async function* (_call, signal) {
    signal.addEventListener("abort", () => cancelled.resolve());
    yield step(Order_State.PENDING, "1");
    await cancelled.promise;
  });
  const reader = (await edge.send("GET", path)).body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await cancelled.promise;
});

test("ends open streams with an error event when the edge stops", async () => {
  const stopping = await EdgeUnderTest.start();
  stopping.orders.on("watchOrder", async function* (_call, signal) {
    yield step(Order_State.PENDING, "1");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  const answer = await stopping.send("GET", path);
  const text = answer.text();
  await sleep(100);
  await stopping.stop();
  assert.match(await text, /event: error\ndata: .*SERVICE_UNAVAILABLE/);
});

/** Without the signs of life, which come whenever the machine is slow. */
function eventsOf(text: string): string[] {
  return text.split("\n\n").filter((event) => event !== "" && !event.startsWith(":"));
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
