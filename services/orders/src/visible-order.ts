import type { Call } from "@row/runtime/call.ts";
import { ownedBy } from "@row/runtime/rpc/ownership.ts";
import { type Order, OrderNotFound } from "./order.ts";
import type { OrderStore } from "./order-store.ts";

/** The order, when the caller may see it; an admin's look is audited. Throws OrderNotFound. */
export async function visibleOrder(orders: OrderStore, call: Call, id: string): Promise<Order> {
  const missing = () => new OrderNotFound(id);
  return ownedBy(call, await orders.get(id), { db: orders.pool, target: `order:${id}`, missing });
}
