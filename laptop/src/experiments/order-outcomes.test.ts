import assert from "node:assert/strict";
import { test } from "vitest";
import { cancelledExample, cancelledOrders, decisionOf, type PlacedOrder } from "./order-outcomes.ts";

const INVENTORY = "inventory/v1/inventory-v1-1";
const PAYMENTS = "payments/v2/payments-v2-1";

function order(direction: string, reason: string, ...servedBy: string[]): PlacedOrder {
  return { id: "o-1", direction, reason, drivenBy: "v3", attempts: servedBy.map((one) => ({ servedBy: one })) };
}

test("an order is counted once, for the version of the service that answered last", () => {
  const retried = order("succeeded", "", INVENTORY, "payments/v1/payments-v1-1", PAYMENTS, PAYMENTS, INVENTORY);
  assert.deepEqual(decisionOf("payments", retried), { version: "v2", isCancelled: false });
  assert.deepEqual(decisionOf("inventory", retried), { version: "v1", isCancelled: false });
});

test("a cancelled order is the fault of who ended it, and of none that answered before", () => {
  const declined = order("failed", "CARD_DECLINED", INVENTORY, PAYMENTS);
  assert.deepEqual(decisionOf("payments", declined), { version: "v2", isCancelled: true });
  assert.deepEqual(decisionOf("inventory", declined), { version: "v1", isCancelled: false });
});

test("of orders, the version that drove the saga is counted whoever ended it", () => {
  assert.deepEqual(decisionOf("orders", order("failed", "TIMED_OUT", INVENTORY, "")), {
    version: "v3",
    isCancelled: true,
  });
});

test("a customer's own wish is no cancelled order, and an order that a service had no part in is none of its own", () => {
  assert.equal(
    decisionOf("payments", order("failed", "CANCELLED_BY_CUSTOMER", INVENTORY, PAYMENTS))?.isCancelled,
    false,
  );
  assert.equal(decisionOf("payments", order("failed", "OUT_OF_STOCK", INVENTORY)), undefined);
  assert.equal(decisionOf("payments", order("failed", "TIMED_OUT", INVENTORY, "")), undefined, "nobody answered");
});

test("the versions that are compared get their orders, and the canary an example", () => {
  const arms = { service: "payments", stable: "v1", baseline: "v1-baseline", canary: "v2" };
  const orders = [
    order("succeeded", "", "payments/v1-baseline/payments-v1-baseline-1"),
    order("failed", "CARD_DECLINED", INVENTORY, PAYMENTS),
    order("succeeded", "", INVENTORY, PAYMENTS),
    order("failed", "CARD_DECLINED", "payments/v1/payments-v1-1"),
  ];
  assert.deepEqual(cancelledOrders(arms, orders), [
    { stratum: "all", baseline: { total: 1, failed: 0 }, canary: { total: 2, failed: 1 } },
  ]);
  assert.equal(cancelledExample(arms, orders), "order o-1: CARD_DECLINED");
  assert.equal(cancelledExample(arms, orders.slice(2)), undefined);
});
