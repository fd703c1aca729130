import type { GetOrderRequest, GetOrderResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { Call } from "@row/runtime/call.ts";
import type { Dependencies } from "../dependencies.ts";
import { toMessage } from "../order-message.ts";
import { visibleOrder } from "../visible-order.ts";

export function getOrder({ orders }: Dependencies) {
  return async ({ id }: GetOrderRequest, call: Call): Promise<GetOrderResponse> => ({
    order: toMessage(await visibleOrder(orders, call, id)),
  });
}
