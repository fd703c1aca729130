/** The order: what can happen to it and what it then is. Nothing here does I/O. */
import { amountText, MAX_MINOR } from "@row/runtime/currency.ts";
import { DomainError, InvalidField } from "@row/runtime/domain-error.ts";

export type OrderState = "PENDING" | "CONFIRMED" | "SHIPPED" | "DELIVERED" | "CANCELLED";

export interface OrderItem {
  readonly productId: string;
  readonly name: string;
  readonly quantity: number;
  /** In cents; a string in JSON, because it may pass 2^53. */
  readonly unitPriceMinor: bigint;
}

/** What happened to an order. The type's name and shape are kept in the event store for good. */
export type OrderEvent =
  | {
      readonly type: "order-placed";
      readonly customerId: string;
      readonly items: readonly OrderItem[];
      readonly addressId: string;
      readonly countryCode: string;
    }
  | { readonly type: "order-confirmed"; readonly paymentId: string }
  | { readonly type: "cancellation-requested" }
  | { readonly type: "order-cancelled"; readonly reason: string };

/** An event as it stands in the order's stream. */
export interface RecordedEvent {
  readonly event: OrderEvent;
  readonly version: bigint;
  readonly time: Date;
}

export interface Order {
  readonly id: string;
  readonly customerId: string;
  readonly state: OrderState;
  readonly cancelReason: string;
  readonly items: readonly OrderItem[];
  readonly totalMinor: bigint;
  readonly paymentId: string;
  readonly addressId: string;
  readonly countryCode: string;
  readonly cancelRequested: boolean;
  readonly version: bigint;
  readonly createTime: Date;
  readonly updateTime: Date;
}

/** No order has this id, or it is not the caller's: which of the two, nobody can tell. */
export class OrderNotFound extends DomainError {
  constructor(id: string) {
    super("not-found", "ORDER_NOT_FOUND", `Cannot find order "${id}": none of yours has this id`);
  }
}

/** The customer expected another total. */
export class PriceChanged extends DomainError {
  constructor(expectedMinor: bigint, totalMinor: bigint) {
    const costs = `it costs ${amountText(totalMinor)}, not ${amountText(expectedMinor)}`;
    super("refused", "PRICE_CHANGED", `Cannot place the order: ${costs}`, {
      facts: { total_minor: String(totalMinor) },
    });
  }
}

/** The order is cancelled or on its way. */
export class OrderNotCancellable extends DomainError {
  constructor(order: Order) {
    super("refused", "ORDER_NOT_CANCELLABLE", `Cannot cancel order "${order.id}": it is ${order.state}`, {
      facts: { state: order.state },
    });
  }
}

/** What the items cost. */
export function totalOf(items: readonly OrderItem[]): bigint {
  return items.reduce((sum, item) => sum + item.unitPriceMinor * BigInt(item.quantity), 0n);
}

/** The order after an event. Throws for an event that cannot happen to it: the stream would be corrupt. */
export function evolve(id: string, order: Order | undefined, { event, version, time }: RecordedEvent): Order {
  if (event.type === "order-placed") {
    if (order) throw new Error(`Cannot place order "${id}" twice`);
    return {
      id,
      customerId: event.customerId,
      state: "PENDING",
      cancelReason: "",
      items: event.items,
      totalMinor: totalOf(event.items),
      paymentId: "",
      addressId: event.addressId,
      countryCode: event.countryCode,
      cancelRequested: false,
      version,
      createTime: time,
      updateTime: time,
    };
  }
  if (!order) throw new Error(`Cannot apply ${event.type} to order "${id}": it was never placed`);
  const next = { ...order, version, updateTime: time };
  switch (event.type) {
    case "order-confirmed":
      requireState(order, event.type, "PENDING");
      return { ...next, state: "CONFIRMED", paymentId: event.paymentId };
    case "cancellation-requested":
      requireState(order, event.type, "PENDING", "CONFIRMED");
      return { ...next, cancelRequested: true };
    case "order-cancelled":
      requireState(order, event.type, "PENDING", "CONFIRMED");
      return { ...next, state: "CANCELLED", cancelReason: event.reason, cancelRequested: false };
  }
}

function requireState(order: Order, event: string, ...states: OrderState[]): void {
  if (!states.includes(order.state))
    throw new Error(`Cannot apply ${event} to order "${order.id}": it is ${order.state}`);
}

/** The order that a whole stream makes; undefined for an empty one. */
export function fold(id: string, events: readonly RecordedEvent[]): Order | undefined {
  return events.reduce<Order | undefined>((order, event) => evolve(id, order, event), undefined);
}

/** What a customer wants, at the prices of now. */
export interface Wish extends Pick<Order, "customerId" | "items" | "addressId" | "countryCode"> {
  /** What the customer takes it to cost; undefined for any price. */
  readonly expectedMinor: bigint | undefined;
}

/** Decides on a new order. Throws PriceChanged, InvalidField. */
export function place({ expectedMinor, ...wanted }: Wish): OrderEvent {
  const total = totalOf(wanted.items);
  if (expectedMinor !== undefined && expectedMinor !== total) throw new PriceChanged(expectedMinor, total);
  if (total > MAX_MINOR) throw new InvalidField("items", `cost more than ${amountText(MAX_MINOR)} together`);
  return { type: "order-placed", ...wanted };
}

/** Decides on an order that is paid and whose goods are sold. */
export function confirm(order: Order, paymentId: string): OrderEvent {
  requireState(order, "order-confirmed", "PENDING");
  return { type: "order-confirmed", paymentId };
}

/** Decides on the wish to cancel: the event that records it, or nothing when it was wished before. Throws OrderNotCancellable. */
export function requestCancellation(order: Order): OrderEvent | undefined {
  if (order.state !== "PENDING" && order.state !== "CONFIRMED") throw new OrderNotCancellable(order);
  return order.cancelRequested ? undefined : { type: "cancellation-requested" };
}

/** Decides on an order whose saga failed, or whose money and goods are back. */
export function cancel(order: Order, reason: string): OrderEvent {
  requireState(order, "order-cancelled", "PENDING", "CONFIRMED");
  return { type: "order-cancelled", reason };
}

/** Whether nothing can happen to the order any more. */
export function isFinal(order: Order): boolean {
  return order.state === "CANCELLED" || order.state === "DELIVERED";
}
