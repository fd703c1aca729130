import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Order_State } from "@row/gen/es/shop/orders/v1/order_pb.ts";
import type { WatchOrderRequest } from "@row/gen/es/shop/orders/v1/order_service_pb.ts";
import { EdgeUnderTest, ORDER_ID, refusal } from "./edge-under-test.ts";

let edge: EdgeUnderTest;
before(async () => {
  edge = await EdgeUnderTest.start(16030);
});
after(() => edge.stop());
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
  const stopping = await EdgeUnderTest.start(16040);
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
