/** Order → shop.orders.v1: the resource, and the public events. */
import { type Order as OrderMessage, Order_State as State } from "@row/gen/grpc/shop/orders/v1/order.ts";
import {
  OrderCancellationRequested,
  OrderCancelled,
  OrderConfirmed,
  OrderPlaced,
} from "@row/gen/grpc/shop/orders/v1/orders_events.ts";
import { event, type OutboxEvent } from "@row/runtime/events/outbox.ts";
import { toMoney } from "@row/runtime/money.ts";
import type { Order, OrderEvent } from "./order.ts";

export function toMessage(order: Order): OrderMessage {
  return {
    id: order.id,
    customerId: order.customerId,
    state: State[order.state],
    cancelReason: order.cancelReason,
    items: order.items.map(({ productId, name, quantity, unitPriceMinor }) => ({
      productId,
      name,
      quantity,
      unitPrice: toMoney(unitPriceMinor),
    })),
    total: toMoney(order.totalMinor),
    paymentId: order.paymentId,
    cancelRequested: order.cancelRequested,
    version: order.version,
    createTime: order.createTime,
    updateTime: order.updateTime,
  };
}

/** The public event that an event of the stream becomes; `order` is the order after it. */
export function toPublicEvent(order: Order, happened: OrderEvent): OutboxEvent {
  const ids = { orderId: order.id, customerId: order.customerId };
  switch (happened.type) {
    case "order-placed":
      return event(OrderPlaced, order.id, order.version, {
        ...ids,
        items: order.items.map(({ productId, quantity, unitPriceMinor }) => ({
          productId,
          quantity,
          unitPrice: toMoney(unitPriceMinor),
        })),
        total: toMoney(order.totalMinor),
        countryCode: order.countryCode,
      });
    case "order-confirmed":
      return event(OrderConfirmed, order.id, order.version, { ...ids, total: toMoney(order.totalMinor) });
    case "cancellation-requested":
      return event(OrderCancellationRequested, order.id, order.version, ids);
    case "order-cancelled":
      return event(OrderCancelled, order.id, order.version, { ...ids, reason: happened.reason });
  }
}
