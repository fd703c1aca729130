import { randomUUIDv7 } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { type Order, Order_State as State } from "@row/gen/grpc/shop/orders/v1/order.ts";
import { OrderServiceService, type PlaceOrderRequest } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { startServices } from "@row/tests/harness/service-under-test.ts";

/** A demo product with plenty in stock, at 12.90 EUR. */
export const PRODUCT = "01a19467-e800-7000-8000-000000000001";

/** The order service with everything it calls; only auth is a fake. */
export async function startOrders(envOf: Record<string, Record<string, string>> = {}) {
  const services = await startServices({
    services: ["orders", "catalog", "inventory", "payments", "card-gateway"],
    envOf,
  });
  const customerId = randomUUIDv7();
  const client = async (id: string, roles = ["customer"]) =>
    services.client("orders", OrderServiceService, { token: await services.auth.tokenFor({ id, roles }) });
  const orders = await client(customerId);
  const stockKeeper = services.client("inventory", InventoryServiceService, {
    token: await services.auth.tokenFor({ roles: ["merchant"] }),
  });
  return {
    services,
    customerId,
    orders,
    client,
    stock: async (productId = PRODUCT) => (await stockKeeper.getStock({ productId })).stock,
    /** Waits until the order is in none of these states any more. */
    settled: async (id: string, from: readonly State[] = [State.PENDING]): Promise<Order> => {
      for (const deadline = Date.now() + 20_000; ; await sleep(25)) {
        const { order } = await orders.getOrder({ id });
        if (order && !from.includes(order.state)) return order;
        if (Date.now() > deadline) throw new Error(`Order ${id} is still ${JSON.stringify(order?.state)}`);
      }
    },
  };
}

export type OrdersUnderTest = Awaited<ReturnType<typeof startOrders>>;

/** An order that is good in every way. */
export function goodOrder(more: Partial<PlaceOrderRequest> = {}): PlaceOrderRequest {
  return {
    items: [{ productId: PRODUCT, quantity: 2 }],
    paymentToken: "tok_ok",
    shippingAddress: {
      recipient: "A. Customer",
      line1: "1 Harbour Row",
      line2: "",
      city: "Hamburg",
      region: "",
      postalCode: "20457",
      countryCode: "DE",
    },
    expectedTotal: undefined,
    requestId: randomUUIDv7(),
    ...more,
  };
}
