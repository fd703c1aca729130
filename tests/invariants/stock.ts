/** Per product on hand + reserved + sold = received; nothing stays reserved; what is sold is what confirmed orders hold. */
import type { Evidence, Violation } from "./evidence.ts";
import { SOLD } from "./orders-end.ts";

/** What became of the reservation of an order in each final state; "" is none at all. */
const RESERVATION_OF_SOLD = ["COMMITTED"];
const RESERVATION_OF_CANCELLED = ["", "RELEASED", "RETURNED"];

export function stock({ orders, stock, reservations }: Evidence): Violation[] {
  const violations: Violation[] = [];
  const report = (invariant: string, detail: string, ...ids: string[]) => violations.push({ invariant, detail, ids });

  const ordered = new Map<string, bigint>();
  for (const { state, items } of orders) {
    if (!SOLD.has(state)) continue;
    for (const { productId, quantity } of items) ordered.set(productId, (ordered.get(productId) ?? 0n) + quantity);
  }
  const isOpen = orders.some(({ state }) => state === "PENDING");
  for (const { productId, onHand, reserved, sold, received } of stock) {
    const sum = onHand + reserved + sold;
    if (sum !== received) report("stock adds up", `${onHand} + ${reserved} + ${sold} is not ${received}`, productId);
    if (onHand < 0n || reserved < 0n || sold < 0n) report("stock is never negative", `${onHand} on hand`, productId);
    if (!isOpen && reserved !== 0n) report("nothing stays reserved", `${reserved} reserved`, productId);
    const expected = ordered.get(productId) ?? 0n;
    if (!isOpen && sold !== expected)
      report("sold is what was ordered", `${sold} sold, ${expected} ordered`, productId);
  }
  const known = new Set(stock.map(({ productId }) => productId));
  for (const productId of ordered.keys()) {
    if (!known.has(productId)) report("sold is what was ordered", "sold without any stock", productId);
  }

  const stateOf = new Map(reservations.map(({ orderId, state }) => [orderId, state]));
  for (const { id, state } of orders) {
    const allowed = SOLD.has(state)
      ? RESERVATION_OF_SOLD
      : state === "CANCELLED"
        ? RESERVATION_OF_CANCELLED
        : undefined;
    const reservation = stateOf.get(id) ?? "";
    if (allowed && !allowed.includes(reservation)) {
      report("a reservation ends as its order does", `${state}, reservation ${reservation || "missing"}`, id);
    }
  }
  return violations;
}
