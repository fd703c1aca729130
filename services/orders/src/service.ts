/** The RPCs of OrderService. */
import type { OrderServiceService } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { Handlers } from "@row/runtime/rpc/handler.ts";
import type { Dependencies } from "./dependencies.ts";
import { cancelOrder } from "./rpc/cancel-order.ts";
import { getOrder } from "./rpc/get-order.ts";
import { getOrderHistory } from "./rpc/get-order-history.ts";
import { listOrders } from "./rpc/list-orders.ts";
import { placeOrder } from "./rpc/place-order.ts";
import { watchOrder } from "./rpc/watch-order.ts";

export function orderService(dependencies: Dependencies): Handlers<OrderServiceService> {
  return {
    placeOrder: placeOrder(dependencies),
    getOrder: getOrder(dependencies),
    listOrders: listOrders(dependencies),
    cancelOrder: cancelOrder(dependencies),
    watchOrder: watchOrder(dependencies),
    getOrderHistory: getOrderHistory(dependencies),
  };
}
