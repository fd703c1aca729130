import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUIDv7 } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import type { RpcError } from "@row/runtime/rpc/status.ts";
import { EventStreams } from "@row/tests/harness/events.ts";
import { afterAll, beforeAll, test } from "vitest";
import { answerOf, disagreements, type InventoryUnderTest, startInventory } from "./inventory-under-test.ts";

const run = promisify(execFile);

let inventory: InventoryUnderTest;
beforeAll(async () => {
  inventory = await startInventory();
});
afterAll(() => inventory?.services.stop());

const refusal =
  (reason: string, facts: Record<string, string> = {}) =>
  (error: RpcError) => {
    assert.equal(error.reason, reason, error.message);
    assert.partialDeepStrictEqual(error.facts, facts);
    return true;
  };

test("moves stock from on hand to reserved to sold and back, and tells each step", async () => {
  const { orders, product, stock, events } = inventory;
  const orderId = randomUUIDv7();
  const productId = await product(10);
  await orders.reserveStock({ orderId, items: [{ productId, quantity: 3n }] });
  assert.deepEqual(await stock(productId), { on_hand: 7, reserved: 3, sold: 0, received: 10, version: 2 });
  await orders.commitStock({ orderId });
  assert.deepEqual(await stock(productId), { on_hand: 7, reserved: 0, sold: 3, received: 10, version: 2 });
  await orders.returnStock({ orderId });
  assert.deepEqual(await stock(productId), { on_hand: 10, reserved: 0, sold: 0, received: 10, version: 3 });
  const payload = { orderId, items: [{ productId, quantity: 3 }] };
  assert.deepEqual(await events(orderId), [
    { type: "StockReserved", sequence: 1, payload },
    { type: "StockCommitted", sequence: 2, payload },
    { type: "StockReturned", sequence: 3, payload },
  ]);
  assert.deepEqual(
    (await events(productId)).map(({ sequence, payload }) => [sequence, Number(payload.onHand)]),
    [
      [1, 10],
      [2, 7],
      [3, 10],
    ],
  );
});

test("publishes the new level on the stream, with the stock's version as sequence", async () => {
  const { services, orders, product } = inventory;
  const productId = await product(4);
  await orders.reserveStock({ orderId: randomUUIDv7(), items: [{ productId, quantity: 4n }] });
  const streams = await EventStreams.connect(services);
  try {
    const last = await streams.one(
      StockLevelChanged,
      (event) => event.aggregateId === productId && event.sequence === 2n,
    );
    assert.deepEqual(last.message, { productId, onHand: 0n });
  } finally {
    await streams.close();
  }
});

test("releases what an order holds and tells so", async () => {
  const { orders, product, stock, events } = inventory;
  const orderId = randomUUIDv7();
  const [a, b] = [await product(5), await product(5)];
  const items = [
    { productId: b, quantity: 2n },
    { productId: a, quantity: 1n },
  ];
  await orders.reserveStock({ orderId, items });
  await orders.releaseStock({ orderId });
  for (const id of [a, b]) assert.partialDeepStrictEqual(await stock(id), { on_hand: 5, reserved: 0, received: 5 });
  const released = (await events(orderId)).at(-1);
  assert.equal(released?.type, "StockReleased");
  assert.deepEqual(released?.payload.items, [
    { productId: a, quantity: 1 },
    { productId: b, quantity: 2 },
  ]);
});

test("an order that cannot have all gets nothing and leaves no trace", async () => {
  const { orders, product, stock, state, events } = inventory;
  const orderId = randomUUIDv7();
  const [plenty, scarce] = [await product(100), await product(1)];
  const items = [
    { productId: plenty, quantity: 2n },
    { productId: scarce, quantity: 2n },
  ];
  await assert.rejects(
    orders.reserveStock({ orderId, items }),
    refusal("OUT_OF_STOCK", { product_id: scarce, requested: "2", available: "1" }),
  );
  assert.deepEqual(await stock(plenty), { on_hand: 100, reserved: 0, sold: 0, received: 100, version: 1 });
  assert.equal(await state(orderId), undefined);
  assert.deepEqual(await events(orderId), []);
  // Nothing stands in the way of the order when the goods have come in.
  await orders.reserveStock({ orderId, items: [{ productId: scarce, quantity: 1n }] });
});

test("a product nobody ever received is out of stock", async () => {
  const productId = randomUUIDv7();
  await assert.rejects(
    inventory.orders.reserveStock({ orderId: randomUUIDv7(), items: [{ productId, quantity: 1n }] }),
    refusal("OUT_OF_STOCK", { product_id: productId, available: "0" }),
  );
});

test("refuses a product that is asked for twice in one order", async () => {
  const { orders, product, stock } = inventory;
  const productId = await product(5);
  const item = { productId, quantity: 1n };
  await assert.rejects(
    orders.reserveStock({ orderId: randomUUIDv7(), items: [item, item] }),
    refusal("INVALID_REQUEST"),
  );
  assert.partialDeepStrictEqual(await stock(productId), { on_hand: 5, version: 1 });
});

test("a repeat of every step is answered like the first and changes nothing", async () => {
  const { orders, product, stock } = inventory;
  const productId = await product(5);
  const items = [{ productId, quantity: 5n }];
  const sold = { orderId: randomUUIDv7() };
  // Nothing is left for the repeat, which must not be refused for it.
  for (let i = 0; i < 3; i++) await orders.reserveStock({ ...sold, items });
  for (let i = 0; i < 3; i++) await orders.commitStock(sold);
  await orders.reserveStock({ ...sold, items });
  assert.deepEqual(await stock(productId), { on_hand: 0, reserved: 0, sold: 5, received: 5, version: 2 });
  for (let i = 0; i < 3; i++) await orders.returnStock(sold);
  await orders.commitStock(sold);
  const released = { orderId: randomUUIDv7() };
  await orders.reserveStock({ ...released, items });
  for (let i = 0; i < 3; i++) await orders.releaseStock(released);
  assert.deepEqual(await stock(productId), { on_hand: 5, reserved: 0, sold: 0, received: 5, version: 5 });
});

test("a repeat that asks for something else is refused", async () => {
  const { orders, product, stock } = inventory;
  const productId = await product(5);
  const orderId = randomUUIDv7();
  await orders.reserveStock({ orderId, items: [{ productId, quantity: 1n }] });
  const other = orders.reserveStock({ orderId, items: [{ productId, quantity: 2n }] });
  assert.equal(await answerOf(other), "RESERVATION_CLOSED");
  assert.partialDeepStrictEqual(await stock(productId), { on_hand: 4, reserved: 1 });
});

test("releasing an order never seen makes its late reservation be refused", async () => {
  const { orders, product, stock, events } = inventory;
  const productId = await product(5);
  const orderId = randomUUIDv7();
  await orders.releaseStock({ orderId });
  await orders.releaseStock({ orderId });
  const late = orders.reserveStock({ orderId, items: [{ productId, quantity: 1n }] });
  await assert.rejects(late, refusal("RESERVATION_CLOSED", { order_id: orderId, state: "RELEASED" }));
  assert.equal(await answerOf(orders.commitStock({ orderId })), "RESERVATION_CLOSED");
  assert.partialDeepStrictEqual(await stock(productId), { on_hand: 5, version: 1 });
  assert.deepEqual(await events(orderId), []);
});

test("refuses steps that the reservation's state does not allow", async () => {
  const { orders, product } = inventory;
  const items = [{ productId: await product(5), quantity: 1n }];
  const unknown = { orderId: randomUUIDv7() };
  assert.equal(await answerOf(orders.commitStock(unknown)), "RESERVATION_CLOSED");
  assert.equal(await answerOf(orders.returnStock(unknown)), "RESERVATION_CLOSED");
  const reserved = { orderId: randomUUIDv7() };
  await orders.reserveStock({ ...reserved, items });
  assert.equal(await answerOf(orders.returnStock(reserved)), "RESERVATION_CLOSED");
  await orders.commitStock(reserved);
  assert.equal(await answerOf(orders.releaseStock(reserved)), "RESERVATION_CLOSED");
});

test("adjusts stock by hand: audited, told, and once per request_id", async () => {
  const { shopkeeper, product, stock, events, db } = inventory;
  const productId = await product(10);
  const request = { productId, delta: -4n, reason: "water damage", requestId: randomUUIDv7() };
  const first = await shopkeeper.adjustStock(request);
  assert.deepEqual(first.stock, { productId, onHand: 6n, reserved: 0n, sold: 0n, received: 6n, version: 2n });
  assert.deepEqual(await shopkeeper.adjustStock(request), first);
  await assert.rejects(shopkeeper.adjustStock({ ...request, delta: -5n }), refusal("REQUEST_ID_REUSED"));
  assert.deepEqual((await shopkeeper.getStock({ productId })).stock, first.stock);
  assert.deepEqual(
    (await events(productId)).map(({ type, sequence }) => `${type} ${sequence}`),
    ["StockLevelChanged 1", "StockLevelChanged 2"],
  );
  const { rows } = await db.query(
    "SELECT actor, action, details FROM runtime.audit WHERE target = $1 ORDER BY time OFFSET 1",
    [`product:${productId}`],
  );
  assert.equal(rows.length, 1);
  assert.match(rows[0].actor, /^user:/);
  assert.deepEqual(rows[0].details, { delta: -4, reason: "water damage", onHand: 6 });
  const { rows: told } = await db.query(
    `SELECT payload FROM runtime.outbox WHERE subject = 'shop.inventory.v1.StockAdjusted' AND payload ->> 'productId' = $1
    ORDER BY position OFFSET 1`,
    [productId],
  );
  assert.deepEqual(told, [{ payload: { productId, delta: "-4" } }]);
  assert.partialDeepStrictEqual(await stock(productId), { on_hand: 6 });
});

test("one request_id sent many times at once adjusts once", async () => {
  const { shopkeeper, product, stock } = inventory;
  const productId = await product(10);
  const request = { productId, delta: 5n, reason: "", requestId: randomUUIDv7() };
  const answers = await Promise.all(Array.from({ length: 20 }, () => shopkeeper.adjustStock(request)));
  const inCapitals = { ...request, productId: productId.toUpperCase(), requestId: request.requestId.toUpperCase() };
  answers.push(await shopkeeper.adjustStock(inCapitals)); // the same UUIDs (RFC 9562, section 4)
  for (const answer of answers) assert.equal(answer.stock?.onHand, 15n);
  assert.partialDeepStrictEqual(await stock(productId), { on_hand: 15, version: 2 });
});

test("a write-off of more than there is is refused and leaves no trace", async () => {
  const { shopkeeper, stock } = inventory;
  const productId = randomUUIDv7();
  const request = { productId, delta: -1n, reason: "", requestId: randomUUIDv7() };
  await assert.rejects(shopkeeper.adjustStock(request), refusal("OUT_OF_STOCK", { available: "0" }));
  assert.equal(await stock(productId), undefined);
  await assert.rejects(shopkeeper.getStock({ productId }), refusal("STOCK_NOT_FOUND"));
});

test("takes reservations from orders alone, and adjustments from merchants and admins", async () => {
  const { services } = inventory;
  const customer = await services.auth.tokenFor({ roles: ["customer"] });
  const admin = await services.auth.tokenFor({ roles: ["admin"] });
  const as = (caller: { service?: string; token?: string }) =>
    services.client("inventory", InventoryServiceService, caller);
  const reserve = { orderId: randomUUIDv7(), items: [{ productId: randomUUIDv7(), quantity: 1n }] };
  for (const caller of [{}, { token: admin }, { service: "cart" }, { service: "edge", token: admin }]) {
    assert.equal(await answerOf(as(caller).reserveStock(reserve)), "CALLER_NOT_ALLOWED");
    assert.equal(await answerOf(as(caller).releaseStock(reserve)), "CALLER_NOT_ALLOWED");
  }
  const adjust = { productId: randomUUIDv7(), delta: 1n, reason: "", requestId: randomUUIDv7() };
  assert.equal(await answerOf(as({}).adjustStock(adjust)), "TOKEN_MISSING");
  assert.equal(await answerOf(as({ token: customer }).adjustStock(adjust)), "ROLE_MISSING");
  assert.equal(await answerOf(as({ token: customer }).getStock(adjust)), "ROLE_MISSING");
  assert.equal(await answerOf(as({ token: admin }).adjustStock(adjust)), "OK");
});

test("refuses wrong input by name and never as a fault of its own", async () => {
  const { orders, shopkeeper } = inventory;
  const item = { productId: randomUUIDv7(), quantity: 1n };
  const adjustment = { productId: randomUUIDv7(), delta: 1n, reason: "", requestId: randomUUIDv7() };
  const wrong = [
    orders.reserveStock({ orderId: "", items: [item] }),
    orders.reserveStock({ orderId: "42", items: [item] }),
    orders.reserveStock({ orderId: randomUUIDv7(), items: [] }),
    orders.reserveStock({ orderId: randomUUIDv7(), items: Array.from({ length: 1_000 }, () => item) }),
    ...[0n, -1n, 1_000_000_000n].map((quantity) =>
      orders.reserveStock({ orderId: randomUUIDv7(), items: [{ ...item, quantity }] }),
    ),
    shopkeeper.adjustStock({ ...adjustment, delta: 0n }),
    shopkeeper.adjustStock({ ...adjustment, delta: 1_000_001n }),
    shopkeeper.adjustStock({ ...adjustment, requestId: "" }),
    shopkeeper.adjustStock({ ...adjustment, reason: "x".repeat(201) }),
    shopkeeper.adjustStock({ ...adjustment, reason: "nul \u0000 inside" }),
  ];
  const isInvalid = (error: RpcError) => error.code === 3 || assert.fail(error.message);
  await Promise.all(wrong.map((call) => assert.rejects(call, isInvalid)));
});

test("seeding again leaves the stock as it is", async () => {
  const { services, db, orders } = inventory;
  const { rows: demo } = await db.query("SELECT target FROM runtime.audit WHERE actor = 'seed'");
  assert.ok(demo.length > 40);
  const productId = demo[0].target.replace("product:", "");
  await orders.reserveStock({ orderId: randomUUIDv7(), items: [{ productId, quantity: 1n }] });
  const stock = async () => (await db.query("SELECT * FROM stock ORDER BY product_id")).rows;
  const before = await stock();
  const seed = fileURLToPath(new URL("../prisma/seed.ts", import.meta.url));
  await run(process.execPath, [seed], { env: services.shop.infrastructure.environmentOf("inventory") });
  assert.deepEqual(await stock(), before);
});

test("stock, reservations and events tell one story", async () => {
  assert.deepEqual(await disagreements(inventory), []);
});
