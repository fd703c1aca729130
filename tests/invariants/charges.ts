/**
 * By the gateway's own log, nobody is charged twice, nor charged for a cancelled order without a refund, and every
 * confirmed order is charged exactly its total. A hold that nobody lets go of counts as a charge.
 */

import { SOLD } from "@row/laptop/experiments/invariants.ts";
import type { Evidence, GatewayEntry, Violation } from "./evidence.ts";

export function charges({ orders, gateway }: Evidence): Violation[] {
  const violations: Violation[] = [];
  const applied = Map.groupBy(
    gateway.filter(({ outcome }) => outcome === "applied"),
    ({ reference }) => reference,
  );
  const report = (invariant: string, detail: string, ...ids: string[]) => violations.push({ invariant, detail, ids });

  for (const [reference, entries] of applied) {
    for (const action of ["authorize", "capture", "refund"]) {
      const times = entries.filter((entry) => entry.action === action).length;
      if (times > 1) report("nobody is charged twice", `${action} was done ${times} times`, reference);
    }
  }

  // The reference that the gateway is given is the order's id.
  const known = new Set(orders.map(({ id }) => id));
  for (const reference of applied.keys()) {
    if (!known.has(reference)) report("every charge belongs to an order", "orders does not know it", reference);
  }
  for (const order of orders) {
    const { status, amountMinor } = outcomeOf(applied.get(order.id) ?? []);
    if (SOLD.has(order.state) && (status !== "captured" || amountMinor !== order.totalMinor)) {
      const detail = `${order.state} at ${order.totalMinor}, ${status || "not charged"} at ${amountMinor}`;
      report("a confirmed order is charged its total once", detail, order.id);
    }
    if (order.state !== "CANCELLED") continue;
    if (status === "captured") report("a cancelled order is refunded", `charged ${amountMinor} and kept`, order.id);
    if (status === "authorized") report("a cancelled order holds no money", `${amountMinor} are still held`, order.id);
  }
  return violations;
}

/** What a reference came to, and how much it was for. */
export function outcomeOf(entries: readonly GatewayEntry[]): { status: string; amountMinor: bigint } {
  const last = entries.at(-1)?.charge;
  return { status: last?.status ?? "", amountMinor: BigInt(last?.amountMinor ?? 0) };
}
