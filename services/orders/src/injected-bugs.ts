/** Where business bugs can be injected into orders, for experiments: service.yaml names them, nothing else asks for them. */
import { hasBug } from "@row/runtime/behaviour/injection.ts";
import type { Change } from "./change.ts";
import type { OrderEvent } from "./order.ts";
import { toPublicEvent } from "./order-message.ts";

const TOO_MUCH_MINOR = 100n;

/** "wrong-totals": an order whose total is one unit more than its items cost. */
export function miscounted(placed: Change, event: OrderEvent): Change {
  if (!hasBug("wrong-totals")) return placed;
  const order = { ...placed.order, totalMinor: placed.order.totalMinor + TOO_MUCH_MINOR };
  return { ...placed, order, published: [toPublicEvent(order, event)] };
}
