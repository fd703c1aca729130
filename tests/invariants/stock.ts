/** Per product on hand + reserved + sold = received; nothing stays reserved; what is sold is what confirmed orders hold. */
import { CANCELLED, isGivenBack, SOLD, stockViolations } from "@row/laptop/experiments/invariants.ts";
import type { Evidence, Violation } from "./evidence.ts";

/** How the rules that experiments go by as well are called here. */
const CALLED: Readonly<Record<string, string>> = {
  "stock-adds-up": "stock adds up",
  "stock-not-negative": "stock is never negative",
};

export function stock({ orders, stock, reservations }: Evidence): Violation[] {
  const violations: Violation[] = [];
  const report = (invariant: string, detail: string, ...ids: string[]) => violations.push({ invariant, detail, ids });

  const ordered = new Map<string, bigint>();
  for (const { state, items } of orders) {
    if (!SOLD.has(state)) continue;
    for (const { productId, quantity } of items) ordered.set(productId, (ordered.get(productId) ?? 0n) + quantity);
  }
  const isOpen = orders.some(({ state }) => state === "PENDING");
  for (const levels of stock) {
    const { productId, reserved, sold } = levels;
    for (const { invariant, example } of stockViolations(levels)) report(CALLED[invariant] ?? "", example, productId);
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
    const reservation = stateOf.get(id) ?? "";
    const isWrong = SOLD.has(state) ? reservation !== "COMMITTED" : state === CANCELLED && !isGivenBack(reservation);
    if (isWrong) {
      report("a reservation ends as its order does", `${state}, reservation ${reservation || "missing"}`, id);
    }
  }
  return violations;
}
