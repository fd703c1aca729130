/** The reads: one order, a page of them, and an order's history. */

import { HistoryEntry } from "@row/gen/grpc/shop/orders/v1/order_history.ts";
import type {
  GetOrderHistoryRequest,
  GetOrderHistoryResponse,
  GetOrderRequest,
  GetOrderResponse,
  ListOrdersRequest,
  ListOrdersResponse,
} from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { Prisma, PrismaClient } from "@row/gen/prisma/orders/client.ts";
import type { Call } from "@row/runtime/call.ts";
import { recordAct } from "@row/runtime/database/audit.ts";
import { DomainError } from "@row/runtime/domain-error.ts";
import { PageTokens, pageSize } from "@row/runtime/page-token.ts";
import { isAdmin, signedIn, visibleOrder } from "../access.ts";
import { toItems } from "../event-schema.ts";
import type { OrderState, RecordedEvent } from "../order.ts";
import { toMessage } from "../order-message.ts";
import type { OrderStore } from "../order-store.ts";

const DEFAULT_PAGE = 20;
const LARGEST_PAGE = 100;

export function getOrder(store: OrderStore) {
  return async (request: GetOrderRequest, call: Call): Promise<GetOrderResponse> => ({
    order: toMessage(await visibleOrder(store, call, request.id)),
  });
}

export function listOrders(store: OrderStore, prisma: PrismaClient) {
  return async (request: ListOrdersRequest, call: Call): Promise<ListOrdersResponse> => {
    const user = signedIn(call);
    const customerId = request.customerId || user.id;
    if (customerId !== user.id) {
      if (!isAdmin(user)) {
        throw new DomainError("forbidden", "ROLE_MISSING", "Cannot list the orders of another customer: admin only");
      }
      await recordAct(store.pool, call, { action: "orders.listed", target: `user:${customerId}` });
    }
    const tokens = new PageTokens("orders", customerId);
    const last = tokens.decodeId(request.pageToken);
    const size = pageSize(request.pageSize, DEFAULT_PAGE, LARGEST_PAGE);
    const where: Prisma.OrderWhereInput = { customerId, ...(last ? { id: { lt: last } } : {}) };
    const rows = await prisma.order.findMany({ where, orderBy: { id: "desc" }, take: size + 1 });
    const page = rows
      .slice(0, size)
      .map((row) => ({ ...row, state: row.state as OrderState, items: toItems(row.items) }));
    const newest = page.at(-1);
    return {
      orders: page.map(toMessage),
      nextPageToken: rows.length > size && newest ? tokens.encode([newest.id]) : "",
    };
  };
}

export function getOrderHistory(store: OrderStore, prisma: PrismaClient) {
  return async (request: GetOrderHistoryRequest, call: Call): Promise<GetOrderHistoryResponse> => {
    await visibleOrder(store, call, request.id);
    const [events, attempts] = await Promise.all([
      store.events(request.id),
      prisma.sagaAttempt.findMany({ where: { orderId: request.id, finishedTime: { not: null } } }),
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
