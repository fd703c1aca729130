import assert from "node:assert/strict";
import { beforeAll, test } from "vitest";
import { newProduct, place, reaches } from "./harness/ordering.ts";
import { expectOk } from "./harness/rest.ts";
import { readEvents, readLines } from "./harness/server-sent-events.ts";
import { type Session, type TheShop, theShop } from "./harness/the-shop.ts";

let shop: TheShop;
let customer: Session;

beforeAll(async () => {
  shop = await theShop();
  customer = await shop.customer();
});

function watch(id: string, headers: Record<string, string> = {}): Promise<Response> {
  const token = customer.accessToken;
  return shop.rest.open("GET", `/v1/orders/${id}:watch`, undefined, { token, headers });
}

async function placed(paymentToken = "tok_ok"): Promise<string> {
  const product = await newProduct(shop);
  return expectOk(await place(shop, customer, { productId: product.id, paymentToken })).order.id;
}

test("a watched order tells each change as a server-sent event, and ends with the order", async () => {
  const response = await watch(await placed("tok_declined"));
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const states: string[] = [];
  const ids: string[] = [];
  for await (const { id, event, data } of readEvents(response)) {
    if (event === "end") break;
    ids.push(id ?? "");
    states.push(JSON.parse(data).order.state);
  }
  assert.equal(states.at(-1), "STATE_CANCELLED");
  assert.deepEqual(new Set(ids).size, ids.length, "each has an id of its own");
  assert.ok(ids.every((id) => id !== ""));
});

test("a watch resumes after the last event it saw, by Last-Event-ID", async () => {
  const order = await placed();
  const first = await nextEvent(await watch(order));
  await reaches(shop, customer, order, "STATE_CONFIRMED");
  const resumed = await nextEvent(await watch(order, { "last-event-id": first.id ?? "" }));
  assert.notEqual(resumed.id, first.id);
  assert.ok(Number(JSON.parse(resumed.data).order.version) > Number(JSON.parse(first.data).order.version));
});

test("a watch misses nothing, wherever it was cut", async () => {
  const order = await placed();
  await reaches(shop, customer, order, "STATE_CONFIRMED");
  expectOk(await shop.rest.post(`/v1/orders/${order}:cancel`, {}, { token: customer.accessToken }));
  await reaches(shop, customer, order, "STATE_CANCELLED");
  const all: { id: string; data: string }[] = [];
  for await (const { id = "", event, data } of readEvents(await watch(order, { "last-event-id": "0" }))) {
    if (event !== "end") all.push({ id, data });
  }
  const states = all.map(({ data }) => JSON.parse(data).order.state);
  assert.deepEqual([states[0], states.at(-1)], ["STATE_PENDING", "STATE_CANCELLED"]);
  assert.ok(states.includes("STATE_CONFIRMED"));
  for (const [index, { id }] of all.slice(0, -1).entries()) {
    assert.deepEqual((await nextEvent(await watch(order, { "last-event-id": id }))).id, all[index + 1]?.id);
  }
});

test("a watch comes as JSON lines when asked for", async () => {
  const response = await watch(await placed("tok_declined"), { accept: "application/x-ndjson" });
  assert.match(response.headers.get("content-type") ?? "", /^application\/x-ndjson/);
  let last: { order: { state: string }; resumeToken: string } | undefined;
  for await (const line of readLines(response)) last = JSON.parse(line);
  assert.equal(last?.order.state, "STATE_CANCELLED");
  assert.ok(last?.resumeToken);
});

test("an order that nobody has is not watched: the answer is NOT_FOUND and no stream", async () => {
  const response = await watch(customer.id);
  assert.equal(response.status, 404);
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  assert.equal(JSON.parse(await response.text()).code, 5);
});

async function nextEvent(response: Response) {
  assert.equal(response.status, 200);
  for await (const event of readEvents(response)) return event;
  throw new Error("The stream ended without an event");
}
