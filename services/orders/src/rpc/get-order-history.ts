import { HistoryEntry } from "@row/gen/grpc/shop/orders/v1/order_history.ts";
import type { GetOrderHistoryRequest, GetOrderHistoryResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { Call } from "@row/runtime/call.ts";
import type { Dependencies } from "../dependencies.ts";
import type { RecordedEvent } from "../order.ts";
import { visibleOrder } from "../visible-order.ts";

export function getOrderHistory({ orders, prisma }: Dependencies) {
  return async ({ id }: GetOrderHistoryRequest, call: Call): Promise<GetOrderHistoryResponse> => {
    await visibleOrder(orders, call, id);
    const [events, attempts] = await Promise.all([
      orders.events(id),
      prisma.sagaAttempt.findMany({ where: { orderId: id, finishedTime: { not: null } } }),
    ]);
    // An attempt that ends in an event has its time, and comes before it.
    const entries = [
      ...attempts.map(({ finishedTime, ...attempt }) =>
        HistoryEntry.create({ createTime: finishedTime ?? undefined, attempt }),
      ),
      ...events.map(eventEntry),
    ];
    return { entries: entries.toSorted((a, b) => Number(a.createTime) - Number(b.createTime)) };
  };
}

function eventEntry({ event, version, time }: RecordedEvent): HistoryEntry {
  const type = event.type.replace(/(^|-)([a-z])/g, (_match, _dash, letter: string) => letter.toUpperCase());
  const reason = event.type === "order-cancelled" ? event.reason : "";
  return HistoryEntry.create({ createTime: time, event: { type, version, reason } });
}
