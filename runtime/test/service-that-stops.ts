// An orders service in name alone, with everything that can take its time when it stops.
import { setTimeout as sleep } from "node:timers/promises";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { OrderServiceService } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { event, publish } from "../src/events/outbox.ts";
import { runService } from "../src/run-service.ts";
import { databaseVariables, eventVariables } from "../src/variables.ts";

const unused = () => Promise.reject(new Error("not in this test"));
const unusedOnce = Object.assign(unused, { isIdempotent: true as const });

await runService({
  name: "orders",
  variables: { ...databaseVariables, ...eventVariables },
  async start(host) {
    const pool = await host.database();
    await host.relay(pool);
    host.verifyTokensWith(async () => [JSON.parse(process.env.PUBLIC_KEY ?? "")]);
    host.background({ stop: () => sleep(3_000) });
    host.serve(OrderServiceService, {
      placeOrder: unusedOnce,
      getOrder: unused,
      listOrders: unused,
      cancelOrder: unusedOnce,
      getOrderHistory: unused,
      async *watchOrder(_request, call) {
        try {
          while (!call.signal.aborted) yield { order: undefined, resumeToken: "1".repeat(100_000) };
        } finally {
          const written = event(StockLevelChanged, "p-1", 1, { productId: "p-1", onHand: 1n });
          await publish(pool, [written]);
        }
      },
    });
  },
});
