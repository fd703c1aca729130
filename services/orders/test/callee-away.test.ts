import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Order_State as State } from "@row/gen/grpc/shop/orders/v1/order.ts";
import { afterAll, beforeAll, test } from "vitest";
import { goodOrder, type OrdersUnderTest, startOrders } from "./orders-under-test.ts";

const PLACES = 2;

let shop: OrdersUnderTest;
beforeAll(async () => {
  const orders = { SAGA_CONCURRENCY: String(PLACES), SAGA_TIMEOUT_MS: "600000" };
  shop = await startOrders({ orders });
});
afterAll(() => shop?.services.stop());

async function triesOf(id: string, step: string): Promise<string[]> {
  const { entries } = await shop.orders.getOrderHistory({ id });
  return entries.flatMap(({ attempt }) => (attempt?.step === step ? [attempt.outcome] : []));
}

test("orders that wait for a callee leave their places to others, and end well when it is back", async () => {
  await shop.services.shop.halt("payments");
  const placed: string[] = [];
  // One after the other, so that the first have taken the places when the others come.
  for (let count = 0; count < 3 * PLACES; count += 1) {
    placed.push((await shop.orders.placeOrder(goodOrder())).order?.id ?? "");
  }
  for (const id of placed) {
    for (let looks = 0; (await triesOf(id, "authorize-payment")).length < 7; looks += 1) {
      assert.ok(looks < 600, `order ${id} finds no place: ${await triesOf(id, "authorize-payment")}`);
      await sleep(50);
    }
  }
  await shop.services.shop.resume("payments");
  for (const id of placed) assert.equal((await shop.settled(id)).state, State.CONFIRMED);
  for (const id of placed) {
    const tries = await triesOf(id, "authorize-payment");
    assert.deepEqual(tries, [...tries.slice(1).map(() => "unknown"), "ok"], "each try is in the history, and was one");
  }
});
