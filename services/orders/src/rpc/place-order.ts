import { randomUUIDv7 } from "node:crypto";
import type { PlaceOrderRequest, PlaceOrderResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { type IdempotentHandler, idempotent } from "@row/runtime/database/idempotency.ts";
import { fromMoney } from "@row/runtime/money.ts";
import { signedIn } from "@row/runtime/rpc/ownership.ts";
import { required } from "@row/runtime/rpc/required.ts";
import { newOrder } from "../change.ts";
import type { Dependencies } from "../dependencies.ts";
import { miscounted } from "../injected-bugs.ts";
import { place } from "../order.ts";
import { toMessage } from "../order-message.ts";
import { pricedItems } from "../priced-items.ts";
import { PLACE_ORDER } from "../saga/definitions.ts";

export function placeOrder({
  catalog,
  orders,
  sagas,
}: Dependencies): IdempotentHandler<PlaceOrderRequest, PlaceOrderResponse> {
  return idempotent(
    orders.pool,
    async (request, call, remember) => {
      const address = required(request.shippingAddress, "shipping_address");
      const items = await pricedItems(catalog, request.items);

      const event = place({
        customerId: signedIn(call).id,
        items,
        addressId: randomUUIDv7(),
        countryCode: address.countryCode,
        expectedMinor: request.expectedTotal && fromMoney(request.expectedTotal, "expected_total"),
      });
      const placed = miscounted(newOrder(event), event);
      using saga = sagas.begin(PLACE_ORDER, placed.order, { paymentToken: request.paymentToken });

      const response = { order: toMessage(placed.order) };
      crashPoint("orders.before-place");
      const isNew = await orders.place(placed, address, saga, remember(response));
      crashPoint("orders.after-place");
      if (!isNew) return undefined;
      saga.drive();
      return response;
    },
    { inOneStatement: true },
  );
}
