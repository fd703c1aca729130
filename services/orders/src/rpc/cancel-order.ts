import type { CancelOrderRequest, CancelOrderResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { type IdempotentHandler, idempotent } from "@row/runtime/database/idempotency.ts";
import { retryOnConflict } from "@row/runtime/retry-on-conflict.ts";
import { signedIn } from "@row/runtime/rpc/ownership.ts";
import { changeOf } from "../change.ts";
import type { Dependencies } from "../dependencies.ts";
import { OrderNotFound, requestCancellation } from "../order.ts";
import { toMessage } from "../order-message.ts";
import { CANCEL_ORDER } from "../saga/definitions.ts";

export function cancelOrder({
  orders,
  sagas,
}: Dependencies): IdempotentHandler<CancelOrderRequest, CancelOrderResponse> {
  return idempotent(orders.pool, ({ id }, call, remember) =>
    retryOnConflict(`cancel order "${id}"`, async () => {
      const order = await orders.get(id);
      if (order?.customerId !== signedIn(call).id) throw new OrderNotFound(id);

      const event = requestCancellation(order);
      if (!event) return { order: toMessage(order) };
      const wished = changeOf(id, order, [event]);
      // Before that, the saga that places the order sees to it.
      using saga = order.state === "CONFIRMED" ? sagas.begin(CANCEL_ORDER, wished.order) : undefined;

      const response = { order: toMessage(wished.order) };
      if (!(await orders.requestCancellation(order, wished, saga, remember(response)))) return undefined;
      saga?.drive();
      return response;
    }),
  );
}
