import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { Order_State as State } from "@row/gen/grpc/shop/orders/v1/order.ts";
import { WatchOrderRequest, WatchOrderResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { MAX_MINOR } from "@row/runtime/currency.ts";
import { createPool } from "@row/runtime/database/postgres.ts";
import { toMoney } from "@row/runtime/money.ts";
import { PageTokens } from "@row/runtime/page-token.ts";
import { RpcError } from "@row/runtime/rpc/status.ts";
import { createLogger } from "@row/runtime/telemetry/logger.ts";
import { afterAll, beforeAll, test } from "vitest";
import { OrderChanges } from "../src/order-changes.ts";
import { OrderStore } from "../src/order-store.ts";
import { rebuild } from "../src/rebuild.ts";
import { watchOrder } from "../src/rpc/watch-order.ts";
import { goodOrder, type OrdersUnderTest, PRODUCT, startOrders } from "./orders-under-test.ts";

/** A demo product that only the tests which count its stock buy. */
const QUIET = "01a19467-e800-7000-8000-000000000002";

let shop: OrdersUnderTest;
beforeAll(async () => {
  shop = await startOrders();
});
afterAll(() => shop?.services.stop());

const refused = (code: status, reason?: string) => (error: unknown) => {
  assert.ok(error instanceof RpcError, String(error));
  assert.equal(status[error.code], status[code]);
  if (reason) assert.equal(error.reason, reason);
  return true;
};

async function place(more: Parameters<typeof goodOrder>[0] = {}) {
  const { order } = await shop.orders.placeOrder(goodOrder(more));
  assert.ok(order);
  return order;
}

test("a good order is confirmed, paid and sold", async () => {
  const before = await shop.stock();
  const placed = await place();
  assert.equal(placed.state, State.PENDING);
  assert.deepEqual(placed.total, toMoney(2_580n));
  const order = await shop.settled(placed.id);
  assert.equal(order.state, State.CONFIRMED);
  assert.match(order.paymentId, /^[0-9a-f-]{36}$/);
  const after = await shop.stock();
  assert.equal(after?.sold, (before?.sold ?? 0n) + 2n);
  assert.equal(after?.reserved, before?.reserved);
});

for (const [token, reason] of [
  ["tok_declined", "CARD_DECLINED"],
  ["tok_insufficient_funds", "INSUFFICIENT_FUNDS"],
  ["tok_nonsense", "PAYMENT_TOKEN_INVALID"],
]) {
  test(`an order with ${token} is cancelled, and its stock is back`, async () => {
    const before = await shop.stock();
    const order = await shop.settled((await place({ paymentToken: token })).id);
    assert.equal(order.state, State.CANCELLED);
    assert.equal(order.cancelReason, reason);
    const after = await shop.stock();
    assert.deepEqual([after?.onHand, after?.reserved, after?.sold], [before?.onHand, before?.reserved, before?.sold]);
  });
}

test("the metrics tell how sagas ended and how long they took", async () => {
  const ended = async (outcome: string) => {
    const { ADMIN_ADDRESS } = shop.services.shop.process("orders").env;
    const text = await (await fetch(`http://${ADMIN_ADDRESS}/metrics`)).text();
    const wanted = `outcome="${outcome}"`;
    const line = text
      .split("\n")
      .find((l) => l.startsWith("orders_saga_duration_seconds_count{") && l.includes(wanted));
    assert.match(text, /^orders_sagas_open(\{.*\})? \d+$/m);
    assert.match(text, /^orders_sagas_oldest_seconds(\{.*\})? [\d.]+$/m);
    return Number(line?.split(" ").at(-1) ?? 0);
  };
  const before = { succeeded: await ended("succeeded"), failed: await ended("failed") };
  for (const paymentToken of ["tok_ok", "tok_declined"]) await shop.settled((await place({ paymentToken })).id);
  for (const outcome of ["succeeded", "failed"] as const) {
    for (let tries = 0; (await ended(outcome)) <= before[outcome]; tries += 1) {
      assert.ok(tries < 100, `no more sagas ${outcome}`);
      await sleep(20);
    }
  }
});

test("trouble that passes only delays an order", async () => {
  const flaky = await place({ paymentToken: "tok_flaky" });
  const slow = await place({ paymentToken: "tok_timeout" });
  for (const { id } of [flaky, slow]) assert.equal((await shop.settled(id)).state, State.CONFIRMED);
  const { entries } = await shop.orders.getOrderHistory({ id: flaky.id });
  const tries = entries.flatMap(({ attempt }) => (attempt?.step === "authorize-payment" ? [attempt.outcome] : []));
  assert.deepEqual(tries, ["unknown", "unknown", "ok"]);
});

test("what is not in stock is not sold", async () => {
  const order = await shop.settled((await place({ items: [{ productId: PRODUCT, quantity: 1_000 }] })).id);
  assert.equal(order.state, State.CANCELLED);
  assert.equal(order.cancelReason, "OUT_OF_STOCK");
});

test("a repeat gets the first answer, and another order under its request_id is refused", async () => {
  const request = goodOrder();
  const answers = await Promise.all(Array.from({ length: 10 }, () => shop.orders.placeOrder(request)));
  assert.equal(new Set(answers.map(({ order }) => order?.id)).size, 1);
  const other = { ...request, items: [{ productId: PRODUCT, quantity: 3 }] };
  await assert.rejects(shop.orders.placeOrder(other), refused(status.INVALID_ARGUMENT, "REQUEST_ID_REUSED"));
});

test("the same request_id of another customer is another request", async () => {
  const request = goodOrder();
  const stranger = await shop.client(randomUUIDv7());
  const [ours, theirs] = await Promise.all([shop.orders.placeOrder(request), stranger.placeOrder(request)]);
  assert.notEqual(ours.order?.id, theirs.order?.id);
});

test("a total that is not the expected one is refused with the one it is", async () => {
  await assert.rejects(shop.orders.placeOrder(goodOrder({ expectedTotal: toMoney(1n) })), (error) => {
    refused(status.FAILED_PRECONDITION, "PRICE_CHANGED")(error);
    return error instanceof RpcError && error.facts.total_minor === "2580";
  });
  await place({ expectedTotal: toMoney(2_580n) });
});

test("what no payment can be is no total", async () => {
  const merchant = shop.services.client("catalog", CatalogServiceService, {
    token: await shop.services.auth.tokenFor({ roles: ["merchant"] }),
  });
  const { categories } = await merchant.listCategories({});
  const { product } = await merchant.createProduct({
    sku: "HARBOUR-1",
    name: "The harbour",
    description: "All of it",
    categoryId: categories[0]?.id ?? "",
    price: toMoney(MAX_MINOR),
    requestId: randomUUIDv7(),
  });
  const items = [{ productId: product?.id ?? "", quantity: 1_000 }];
  await assert.rejects(place({ items }), refused(status.INVALID_ARGUMENT, "INVALID_REQUEST"));
});

test("a request_id in capitals is the same request_id: the first answer again (RFC 9562, section 4)", async () => {
  const order = goodOrder();
  const first = await shop.orders.placeOrder(order);
  const again = await shop.orders.placeOrder({ ...order, requestId: order.requestId.toUpperCase() });
  assert.equal(again.order?.id, first.order?.id);
  const { orders } = await shop.orders.listOrders({ customerId: "", pageSize: 2, pageToken: "" });
  assert.equal(orders.filter(({ id }) => id === first.order?.id).length, 1);
});

test("unknown and repeated products are refused by their place in the list", async () => {
  const unknown = goodOrder({
    items: [
      { productId: PRODUCT, quantity: 1 },
      { productId: randomUUIDv7(), quantity: 1 },
    ],
  });
  await assert.rejects(shop.orders.placeOrder(unknown), /items\[1\]\.product_id: no product/);
  const twice = goodOrder({ items: [1, 2].map((quantity) => ({ productId: PRODUCT, quantity })) });
  await assert.rejects(shop.orders.placeOrder(twice), /items\[1\]\.product_id: appears twice/);
  const inCapitals = goodOrder({
    items: [PRODUCT, PRODUCT.toUpperCase()].map((productId) => ({ productId, quantity: 1 })),
  });
  await assert.rejects(shop.orders.placeOrder(inCapitals), /items\[1\]\.product_id: appears twice/);
});

test("a confirmed order can be cancelled: the money and the goods go back", async () => {
  const before = await shop.stock(QUIET);
  const { id } = await place({ items: [{ productId: QUIET, quantity: 2 }] });
  await shop.settled(id);
  const wished = await shop.orders.cancelOrder({ id, requestId: randomUUIDv7() });
  assert.equal(wished.order?.cancelRequested, true);
  const order = await shop.settled(id, [State.PENDING, State.CONFIRMED]);
  assert.equal(order.state, State.CANCELLED);
  assert.equal(order.cancelReason, "CANCELLED_BY_CUSTOMER");
  const after = await shop.stock(QUIET);
  assert.deepEqual([after?.onHand, after?.sold], [before?.onHand, before?.sold]);
  await assert.rejects(
    shop.orders.cancelOrder({ id, requestId: randomUUIDv7() }),
    refused(status.FAILED_PRECONDITION, "ORDER_NOT_CANCELLABLE"),
  );
});

test("an order cancelled at once ends cancelled, however the race goes", async () => {
  const before = await shop.stock(QUIET);
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const { id } = await place({ items: [{ productId: QUIET, quantity: 2 }] });
      if (index % 2) await new Promise((resolve) => setTimeout(resolve, index * 3));
      await shop.orders.cancelOrder({ id, requestId: randomUUIDv7() });
      assert.equal((await shop.settled(id, [State.PENDING, State.CONFIRMED])).state, State.CANCELLED);
    }),
  );
  const after = await shop.stock(QUIET);
  assert.deepEqual([after?.onHand, after?.reserved, after?.sold], [before?.onHand, before?.reserved, before?.sold]);
});

test("another customer's order is not there; an admin's look is audited", async () => {
  const { id } = await place();
  const stranger = await shop.client(randomUUIDv7());
  await assert.rejects(stranger.getOrder({ id }), refused(status.NOT_FOUND, "ORDER_NOT_FOUND"));
  await assert.rejects(stranger.getOrderHistory({ id }), refused(status.NOT_FOUND));
  await assert.rejects(stranger.cancelOrder({ id, requestId: randomUUIDv7() }), refused(status.NOT_FOUND));
  await assert.rejects(
    stranger.listOrders({ pageSize: 0, pageToken: "", customerId: shop.customerId }),
    refused(status.PERMISSION_DENIED),
  );
  const adminId = randomUUIDv7();
  const admin = await shop.client(adminId, ["admin"]);
  assert.equal((await admin.getOrder({ id })).order?.id, id);
  const { rows } = await shop.services
    .database("orders")
    .query("SELECT action, target FROM runtime.audit WHERE actor = $1", [`user:${adminId}`]);
  assert.deepEqual(rows, [{ action: "order.read", target: `order:${id}` }]);
});

test("pages hold every order once, newest first, and only their own tokens", async () => {
  const id = randomUUIDv7();
  const customer = await shop.client(id);
  const placed: (string | undefined)[] = [];
  for (let count = 0; count < 7; count += 1) placed.push((await customer.placeOrder(goodOrder())).order?.id);
  const listed: string[] = [];
  let pageToken = "";
  do {
    const page = await customer.listOrders({ pageSize: 3, pageToken, customerId: "" });
    listed.push(...page.orders.map((order) => order.id));
    pageToken = page.nextPageToken;
  } while (pageToken);
  assert.deepEqual(listed, placed.toReversed());
  const other = await shop.orders.listOrders({ pageSize: 1, pageToken: "", customerId: "" });
  const madeUp = new PageTokens("orders", id).encode(["no id"]);
  for (const token of [other.nextPageToken, madeUp]) {
    await assert.rejects(
      customer.listOrders({ pageSize: 3, pageToken: token, customerId: "" }),
      refused(status.INVALID_ARGUMENT, "INVALID_REQUEST"),
    );
  }
});

/** Watches an order to the end of its stream, or until `enough` messages came. */
async function watch(id: string, resumeToken: string, enough: number): Promise<{ states: string[]; tokens: string[] }> {
  const client = new Client(shop.services.address("orders"), credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${await shop.services.auth.tokenFor({ id: shop.customerId })}`);
  const stream = client.makeServerStreamRequest(
    "/shop.orders.v1.OrderService/WatchOrder",
    (request: WatchOrderRequest) => Buffer.from(WatchOrderRequest.encode(request).finish()),
    (bytes) => WatchOrderResponse.decode(bytes),
    { id, resumeToken },
    metadata,
  );
  const [states, tokens]: [string[], string[]] = [[], []];
  const names = Object.fromEntries(Object.entries(State).map(([name, value]) => [value, name]));
  try {
    for await (const message of stream as AsyncIterable<WatchOrderResponse>) {
      states.push(names[message.order?.state ?? 0] ?? "");
      tokens.push(message.resumeToken);
      if (states.length === enough) break;
    }
  } finally {
    stream.on("error", () => {}); // cancelling is how a watcher leaves
    stream.cancel();
    client.close();
  }
  return { states, tokens };
}

test("a watcher sees each change once, and goes on where it left off", async () => {
  const { id } = await place({ paymentToken: "tok_declined" });
  const all = await watch(id, "", 9);
  assert.equal(all.states.at(-1), "CANCELLED");
  const rest = await watch(id, "1", 9);
  assert.deepEqual(rest.states, ["CANCELLED"]);
  await assert.rejects(watch(id, "99", 9), /resume_token/);
  await assert.rejects(watch(id, "-1", 9), /resume_token/);
});

test("a watcher of an order that is still open hears of the change at once", async () => {
  const { id } = await place({ paymentToken: "tok_flaky" });
  const { states } = await watch(id, "", 2);
  assert.deepEqual(states, ["PENDING", "CONFIRMED"]);
});

test("a watcher hears at once of a change between its look and its wait", { timeout: 20_000 }, async (t) => {
  const { DATABASE_URL = "" } = shop.services.shop.process("orders").env;
  const log = createLogger({}, "silent");
  const db = createPool(DATABASE_URL, log, 2);
  const lookMs = 3_600_000; // so that it learns of nothing by looking by itself
  const changes = new OrderChanges(db, DATABASE_URL, log, { lookMs });
  t.onTestFinished(async () => {
    await changes.close();
    await db.end();
  });
  const { id } = await place({ paymentToken: "tok_flaky" });
  const { signal } = new AbortController();
  const states: State[] = [];
  const call = { signal, user: { id: shop.customerId, roles: ["customer"] } } as unknown as Call; // all that it reads of one
  const watched = watchOrder({ orders: new OrderStore(db, changes), changes });
  for await (const { order } of watched({ id, resumeToken: "" }, call)) {
    states.push(order?.state ?? State.UNSPECIFIED);
    await shop.settled(id);
    await sleep(200); // for the announcement, which nobody waits for now
    if (states.length === 2) break;
  }
  assert.deepEqual(states, [State.PENDING, State.CONFIRMED]);
});

test("a watcher is told to come back when the process stops, and resumes where it left off", async () => {
  const { id } = await place();
  await shop.settled(id);
  const told = assert.rejects(watch(id, "", 99), { code: status.UNAVAILABLE, details: /resume the stream/ });
  await sleep(200);
  await shop.services.shop.restart("orders");
  await told;
  assert.deepEqual((await watch(id, "1", 1)).states, ["CONFIRMED"]);
});

test("the sagas of a version that is gone are adopted, and the history says so", async () => {
  const db = shop.services.database("orders");
  await db.query("INSERT INTO workers VALUES ('orders-v0-1', 'v0', now() - interval '31 s')");
  const { id } = await place();
  await shop.settled(id);
  // The order as version v0 would have left it: before its last step.
  await db.query(
    `UPDATE sagas SET service_version = 'v0', lease_owner = 'orders-v0-1:x', lease_until = now(), finished_time = NULL,
       direction = 'backward', step = 0, attempt = 1 WHERE order_id = $1`,
    [id],
  );
  await db.query("UPDATE orders SET state = 'PENDING' WHERE id = $1", [id]);
  const adopted = async () =>
    (await db.query("SELECT reason FROM saga_attempts WHERE order_id = $1 AND outcome = 'adopted'", [id])).rows;
  for (let tries = 0; (await adopted()).length === 0 && tries < 40; tries += 1)
    await new Promise((r) => setTimeout(r, 50));
  assert.deepEqual(await adopted(), [{ reason: "v0 is gone" }]);
  // It was made up: take it out of the way of the other tests.
  await db.query("DELETE FROM sagas WHERE order_id = $1", [id]);
  await db.query("UPDATE orders SET state = 'CONFIRMED' WHERE id = $1", [id]);
});

test("the view that is rebuilt from the events is the view there was, and a wrong row is mended", async () => {
  const db = shop.services.database("orders");
  const { id } = await place();
  await shop.settled(id);
  const first = await rebuild(db);
  assert.ok(first.orders > 10);
  assert.equal(first.differences, 0);
  await db.query("UPDATE orders SET total_minor = 1 WHERE id = $1", [id]);
  assert.equal((await rebuild(db)).differences, 2);
  assert.deepEqual((await shop.orders.getOrder({ id })).order?.total, toMoney(2_580n));
});

test("a rebuild that loses its connection says so, and the next one gets another connection", async () => {
  const db = shop.services.database("orders");
  const writer = await db.connect();
  try {
    await writer.query("BEGIN");
    await writer.query("LOCK TABLE order_events IN ROW EXCLUSIVE MODE"); // the rebuild waits for it
    const cutOff = assert.rejects(rebuild(db), /terminating connection due to administrator command/);
    const end =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LOCK TABLE order_events IN SHARE%'";
    while (!(await db.query(end)).rowCount) await sleep(10);
    await cutOff;
  } finally {
    await writer.query("ROLLBACK");
    writer.release();
  }
  assert.equal((await rebuild(db)).differences, 0);
});

test("nothing of the address or the token is left in events, and the saga forgets the token", async () => {
  const db = shop.services.database("orders");
  const { id } = await place();
  await shop.settled(id);
  const { rows } = await db.query<{ text: string }>(
    `SELECT (SELECT json_agg(e)::text FROM order_events e WHERE order_id = $1) ||
       (SELECT json_agg(o)::text FROM runtime.outbox o WHERE aggregate_id = $1::text) ||
       (SELECT json_agg(s)::text FROM sagas s WHERE order_id = $1) AS text`,
    [id],
  );
  assert.doesNotMatch(rows[0]?.text ?? "", /Harbour|A\. Customer|tok_ok/);
});
