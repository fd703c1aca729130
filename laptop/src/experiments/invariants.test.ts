import assert from "node:assert/strict";
import { test } from "vitest";
import { type ChargedPayment, cardViolation, type EndedOrder, orderViolations, stockViolations } from "./invariants.ts";

const items = [{ productId: "p", quantity: 2n, unitPriceMinor: 645n }];
const confirmed: EndedOrder = { id: "o-1", state: "CONFIRMED", totalMinor: 1_290n, items };
const cancelled: EndedOrder = { ...confirmed, state: "CANCELLED" };
const captured: ChargedPayment = { state: "CAPTURED", amountMinor: 1_290n, takenMinor: 1_290n };

/** "charge-total: order o-1: …" */
function broken(order: EndedOrder, payment: ChargedPayment | undefined, reservation: string): string[] {
  return orderViolations(order, payment, reservation).map(({ invariant, example }) => `${invariant}: ${example}`);
}

test("an order that was paid and sold, and one that was given back, break nothing", () => {
  assert.deepEqual(broken(confirmed, captured, "COMMITTED"), []);
  assert.deepEqual(broken(confirmed, { ...captured, state: "REFUNDED" }, "RETURNED"), [], "cancelled later on");
  assert.deepEqual(broken(cancelled, undefined, ""), []);
  assert.deepEqual(broken(cancelled, { ...captured, state: "VOIDED", takenMinor: 0n }, "RELEASED"), []);
  assert.deepEqual(broken(cancelled, { ...captured, state: "DECLINED", takenMinor: 0n }, "RELEASED"), []);
});

test("each breach is told with the order and both figures", () => {
  assert.deepEqual(broken({ ...confirmed, totalMinor: 1_390n }, { ...captured, amountMinor: 1_390n }, "COMMITTED"), [
    "order-total: order o-1: total 13.90 EUR, items 12.90 EUR",
  ]);
  assert.deepEqual(broken(confirmed, { ...captured, amountMinor: 1_300n, takenMinor: 1_300n }, "COMMITTED"), [
    "charge-total: order o-1: CONFIRMED, total 12.90 EUR, payment CAPTURED over 13.00 EUR",
  ]);
  assert.deepEqual(broken(confirmed, undefined, "COMMITTED"), [
    "charge-total: order o-1: CONFIRMED, total 12.90 EUR, no payment",
  ]);
  assert.deepEqual(broken(confirmed, { ...captured, takenMinor: 2_580n }, "COMMITTED"), [
    "charged-once: order o-1: 25.80 EUR were taken for a payment of 12.90 EUR",
  ]);
  assert.deepEqual(broken(cancelled, captured, "RELEASED"), [
    "charge-total: order o-1: CANCELLED, total 12.90 EUR, payment CAPTURED over 12.90 EUR",
  ]);
  assert.deepEqual(broken(cancelled, undefined, "RESERVED"), [
    "stock-released: order o-1: CANCELLED, its reservation is RESERVED",
  ]);
});

test("what the card gateway took is the order's total, and it keeps nothing of a cancelled order", () => {
  const says = (order: EndedOrder, status: string, amountMinor = 1_290n) =>
    cardViolation(order, { status, amountMinor })?.example;
  assert.equal(says(confirmed, "captured"), undefined);
  assert.equal(says(confirmed, "refunded"), undefined, "cancelled later on");
  assert.equal(says(cancelled, "voided"), undefined);
  assert.equal(cardViolation(cancelled, undefined), undefined);
  const order = "order o-1: CONFIRMED, total 12.90 EUR, the card gateway has";
  assert.equal(says(confirmed, "captured", 1_390n), `${order} captured over 13.90 EUR`);
  assert.equal(says(confirmed, "authorized"), `${order} authorized over 12.90 EUR`);
  assert.equal(cardViolation(confirmed, undefined)?.example, `${order} nothing`);
  assert.match(says(cancelled, "captured") ?? "", /CANCELLED, .*captured over 12.90 EUR/);
});

test("stock adds up to what was received, and no part of it is negative", () => {
  const levels = { productId: "p", onHand: 5n, reserved: 2n, sold: 3n, received: 10n };
  const names = (changed: Partial<typeof levels>) =>
    stockViolations({ ...levels, ...changed }).map(({ invariant }) => invariant);
  assert.deepEqual(names({}), []);
  assert.deepEqual(names({ onHand: 6n }), ["stock-adds-up"]);
  assert.deepEqual(names({ onHand: -1n, sold: 9n }), ["stock-not-negative"]);
});
