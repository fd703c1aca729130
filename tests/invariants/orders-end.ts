/** Every accepted order ends CONFIRMED (or later) or CANCELLED, and its view is what its events make. */
import { SOLD } from "@row/laptop/experiments/invariants.ts";
import type { Evidence, Violation } from "./evidence.ts";

export function ordersEnd({ accepted, orders, orderEvents, viewDifferences }: Evidence): Violation[] {
  const violations: Violation[] = [];
  const byId = new Map(orders.map((order) => [order.id, order]));
  for (const order of orders) {
    if (SOLD.has(order.state) || order.state === "CANCELLED") continue;
    violations.push({ invariant: "every order ends", detail: `it is ${order.state}`, ids: [order.id] });
  }
  if (accepted) {
    const promised = new Set(accepted);
    const lost = [...promised].filter((id) => !byId.has(id));
    if (lost.length > 0) violations.push({ invariant: "no order is lost", detail: "accepted, and gone", ids: lost });
    const extra = orders.map(({ id }) => id).filter((id) => !promised.has(id));
    if (extra.length > 0)
      violations.push({ invariant: "no order is placed twice", detail: "nobody was told of it", ids: extra });
  }
  const newest = new Map<string, bigint>();
  const counts = new Map<string, bigint>();
  for (const { orderId, version } of orderEvents) {
    if (version > (newest.get(orderId) ?? 0n)) newest.set(orderId, version);
    counts.set(orderId, (counts.get(orderId) ?? 0n) + 1n);
  }
  for (const order of orders) {
    const version = newest.get(order.id) ?? 0n;
    if (version === order.version && counts.get(order.id) === version) continue;
    violations.push({
      invariant: "the order view is the fold of its stream",
      detail: `view at version ${order.version}, ${counts.get(order.id) ?? 0n} events up to ${version}`,
      ids: [order.id],
    });
  }
  if (viewDifferences > 0) {
    const detail = `a rebuild found ${viewDifferences} differing rows`;
    violations.push({ invariant: "the order view is the fold of its stream", detail, ids: [] });
  }
  return violations;
}
