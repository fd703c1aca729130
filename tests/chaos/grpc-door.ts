/** Into the shop by OrderService's own port. */
import { status } from "@grpc/grpc-js";
import { Order_State } from "@row/gen/grpc/shop/orders/v1/order.ts";
import { OrderServiceService } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { RpcError } from "@row/runtime/rpc/status.ts";
import type { ServicesUnderTest } from "../harness/service-under-test.ts";
import { type Door, Refused, Trouble } from "./shopper.ts";

const PASSING: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.CANCELLED,
]);

const STATE_NAMES = new Map<number, string>(Object.entries(Order_State).map(([name, value]) => [value, name]));

const SHIPPING_ADDRESS = {
  recipient: "A. Customer",
  line1: "1 Long Street",
  line2: "",
  city: "Berlin",
  region: "",
  postalCode: "10115",
  countryCode: "DE",
};

export function grpcDoor(services: ServicesUnderTest, token: string): Door {
  const orders = services.client("orders", OrderServiceService, { token });
  return {
    async place({ items, paymentToken }, requestId) {
      const { order } = await orders
        .placeOrder({
          items: items.map((item) => ({ ...item })),
          paymentToken,
          shippingAddress: SHIPPING_ADDRESS,
          expectedTotal: undefined,
          requestId,
        })
        .catch(translate);
      return order?.id ?? "";
    },
    async cancel(id, requestId) {
      await orders.cancelOrder({ id, requestId }).catch(translate);
    },
    async get(id) {
      const { order } = await orders.getOrder({ id }).catch(translate);
      return { state: STATE_NAMES.get(order?.state ?? 0) ?? "", cancelReason: order?.cancelReason ?? "" };
    },
  };
}

function translate(error: unknown): never {
  if (!(error instanceof RpcError)) throw error;
  if (PASSING.has(error.code)) throw new Trouble(error.message);
  throw new Refused(error.reason, error.message);
}
