/** Whose orders a caller may see. */

import type { Call, User } from "@row/runtime/call.ts";
import { recordAct } from "@row/runtime/database/audit.ts";
import { DomainError } from "@row/runtime/domain-error.ts";
import type { Order } from "./order.ts";
import type { OrderStore } from "./order-store.ts";

/** No order has this id, or it is not the caller's: which of the two, nobody can tell. */
export class OrderNotFound extends DomainError {
  constructor(id: string) {
    super("not-found", "ORDER_NOT_FOUND", `Cannot find order "${id}": none of yours has this id`);
  }
}

/** The end user of a call; the contract has made sure of one. */
export function signedIn(call: Call): User {
  if (!call.user)
    throw new DomainError("unauthenticated", "TOKEN_MISSING", "Cannot tell whose orders: send an access token");
  return call.user;
}

export function isAdmin(user: User): boolean {
  return user.roles.includes("admin");
}

/** The order, when it is the caller's or the caller is an admin, whose look is audited. */
export async function visibleOrder(store: OrderStore, call: Call, id: string): Promise<Order> {
  const user = signedIn(call);
  const order = await store.get(id);
  if (!order) throw new OrderNotFound(id);
  if (order.customerId === user.id) return order;
  if (!isAdmin(user)) throw new OrderNotFound(id);
  await recordAct(store.pool, call, { action: "order.read", target: `order:${id}` });
  return order;
}
