import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { OrderServiceService, type PlaceOrderResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { afterAll, beforeAll, test } from "vitest";
import { goodOrder, type OrdersUnderTest, startOrders } from "./orders-under-test.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SENT = {
  traceparent: `00-${TRACE}-b7ad6b7169203331-00`,
  tracestate: "congo=t61rcWkgMzE",
  baggage: "userId=alice,preview=v2",
};

let shop: OrdersUnderTest;
beforeAll(async () => {
  shop = await startOrders({ orders: { SAGA_TIMEOUT_MS: "600000" } });
});
afterAll(() => shop?.services.stop());

/** Places an order as a client does that takes part in a trace and wants to see a version. */
async function place(): Promise<{ id: string; correlationId: string }> {
  const metadata = new Metadata();
  const correlationId = randomUUIDv7();
  const token = await shop.services.auth.tokenFor({ id: shop.customerId, roles: ["customer"] });
  const headers = { ...SENT, "x-correlation-id": correlationId, authorization: `Bearer ${token}` };
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const client = new Client(shop.services.address("orders"), credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = OrderServiceService.placeOrder;
  const answer = await new Promise<PlaceOrderResponse>((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, goodOrder(), metadata, (error, response) =>
      error || !response ? reject(error ?? new Error("no answer")) : resolve(response),
    );
  });
  client.close();
  return { id: answer.order?.id ?? "", correlationId };
}

/** What a service noted of the calls that led to its events. */
async function noted(service: string, correlationId: string): Promise<string[]> {
  const { rows } = await shop.services
    .database(service)
    .query<{ trace: string; tracestate: string; baggage: string }>(
      "SELECT DISTINCT split_part(traceparent, '-', 2) AS trace, tracestate, baggage FROM runtime.outbox WHERE correlation_id = $1",
      [correlationId],
    );
  return rows.map(({ trace, tracestate, baggage }) => `${trace} ${tracestate} ${baggage}`);
}

/** Read past the service: one that has just been started is slow to answer. */
async function confirmed(id: string): Promise<void> {
  const state = async () =>
    (await shop.services.database("orders").query("SELECT state FROM orders WHERE id = $1", [id])).rows[0]?.state;
  const end = performance.now() + 20_000;
  for (let now = await state(); now !== "CONFIRMED"; now = await state()) {
    assert.ok(performance.now() < end, `the order is still ${now}`);
    await sleep(25);
  }
}

test("what a saga calls and tells carries the trace, its state and the baggage of the call that began it (W3C Trace Context, Baggage)", async () => {
  const { id, correlationId } = await place();
  await confirmed(id);
  for (const service of ["orders", "inventory", "payments"])
    assert.deepEqual(await noted(service, correlationId), [`${TRACE} congo=t61rcWkgMzE preview=v2`], service);
});

test("so does a saga that another process takes over", async () => {
  await shop.services.shop.halt("payments");
  const { id, correlationId } = await place();
  await sleep(300); // payments is asked in vain meanwhile
  await shop.services.shop.restart("orders");
  await shop.services.shop.resume("payments");
  await confirmed(id);
  assert.deepEqual(await noted("payments", correlationId), [`${TRACE} congo=t61rcWkgMzE preview=v2`]);
});

test("an attempt of a saga never ends before it began, by whichever clock", async () => {
  const { order } = await shop.orders.placeOrder(goodOrder());
  await confirmed(order?.id ?? "");
  const { rows } = await shop.services
    .database("orders")
    .query("SELECT step FROM saga_attempts WHERE order_id = $1 AND finished_time < started_time", [order?.id]);
  assert.deepEqual(rows, []);
});
