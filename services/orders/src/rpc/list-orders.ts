import type { ListOrdersRequest, ListOrdersResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { Prisma } from "@row/gen/prisma/orders/client.ts";
import type { Call } from "@row/runtime/call.ts";
import { recordAct } from "@row/runtime/database/audit.ts";
import { DomainError } from "@row/runtime/domain-error.ts";
import { PageTokens, pageSize } from "@row/runtime/page-token.ts";
import { isAdmin, signedIn } from "@row/runtime/rpc/ownership.ts";
import type { Dependencies } from "../dependencies.ts";
import { toItems } from "../event-schema.ts";
import type { OrderState } from "../order.ts";
import { toMessage } from "../order-message.ts";

const DEFAULT_PAGE = 20;
const LARGEST_PAGE = 100;

export function listOrders({ orders, prisma }: Dependencies) {
  return async (request: ListOrdersRequest, call: Call): Promise<ListOrdersResponse> => {
    const user = signedIn(call);
    const customerId = request.customerId || user.id;
    if (customerId !== user.id) {
      if (!isAdmin(user)) {
        throw new DomainError("forbidden", "ROLE_MISSING", "Cannot list the orders of another customer: admin only");
      }
      await recordAct(orders.pool, { action: "orders.listed", target: `user:${customerId}` });
    }
    const tokens = new PageTokens("orders", customerId);
    const last = tokens.decodeId(request.pageToken);
    const size = pageSize(request.pageSize, DEFAULT_PAGE, LARGEST_PAGE);
    const where: Prisma.OrderWhereInput = { customerId, ...(last ? { id: { lt: last } } : {}) };
    const found = await prisma.order.findMany({ where, orderBy: { id: "desc" }, take: size + 1 });
    const { rows, nextPageToken } = tokens.page(found, size, ({ id }) => [id]);
    const page = rows.map((row) => ({ ...row, state: row.state as OrderState, items: toItems(row.items) }));
    return { orders: page.map(toMessage), nextPageToken };
  };
}
