/** The RPCs of OrderService. */

import type { OrderServiceService } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { Handlers } from "@row/runtime/rpc/handler.ts";
import type { Dependencies } from "./dependencies.ts";
import { cancelOrder } from "./rpc/cancel-order.ts";
import { placeOrder } from "./rpc/place-order.ts";
import { getOrder, getOrderHistory, listOrders } from "./rpc/read-orders.ts";
import { watchOrder } from "./rpc/watch-order.ts";

export function orderService(dependencies: Dependencies): Handlers<typeof OrderServiceService> {
  const { store, prisma } = dependencies;
  return {
    placeOrder: placeOrder(dependencies),
    getOrder: getOrder(store),
    listOrders: listOrders(store, prisma),
    cancelOrder: cancelOrder(dependencies),
    watchOrder: watchOrder(dependencies),
    getOrderHistory: getOrderHistory(store, prisma),
  };
}
