/** What orders depends on is frozen, as a process is that hangs: orders itself is well, and says so in what it answers. */
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { PlaceOrderRequest } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { Probe } from "@row/tests/harness/probe.ts";
import { afterAll, beforeAll, test } from "vitest";
import { goodOrder, type OrdersUnderTest, startOrders } from "./orders-under-test.ts";

const PLACE = "/shop.orders.v1.OrderService/PlaceOrder";
let shop: OrdersUnderTest;
beforeAll(async () => {
  shop = await startOrders();
});
afterAll(() => shop?.services.stop());

test("while the catalog hangs, no answer of orders counts against orders, and what needs no catalog is served", async () => {
  const { services, orders, customerId } = shop;
  const { order } = await orders.placeOrder(goodOrder());
  const probe = new Probe(services.address("orders"));
  const token = await services.auth.tokenFor({ id: customerId, roles: ["customer"] });
  services.shop.kill("catalog", "SIGSTOP");
  try {
    const places = Array.from({ length: 40 }, () =>
      probe.call(PLACE, PlaceOrderRequest.encode(goodOrder()).finish(), { token }),
    );
    const answers = await Promise.all(places);
    assert.deepEqual(
      new Set(answers.map(({ code, reason }) => `${status[code]} ${reason}`)),
      new Set(["ABORTED DEPENDENCY_UNAVAILABLE"]),
    );
    assert.equal((await orders.getOrder({ id: order?.id ?? "" })).order?.id, order?.id);
  } finally {
    services.shop.kill("catalog", "SIGCONT");
    await probe.close();
  }
});
