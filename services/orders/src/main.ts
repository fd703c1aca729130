import { PrismaPg } from "@prisma/adapter-pg";
import { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { OrderServiceService } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { PrismaClient } from "@row/gen/prisma/orders/client.ts";
import { runService } from "@row/runtime/run-service.ts";
import { variables } from "./config.ts";
import { OrderChanges } from "./order-changes.ts";
import { OrderStore } from "./order-store.ts";
import { SagaDriver } from "./saga/saga-driver.ts";
import { thisWorker } from "./saga/saga-record.ts";
import { SagaRunner } from "./saga/saga-runner.ts";
import { SagaStore } from "./saga/saga-store.ts";
import { stepsWith } from "./saga/steps.ts";
import { SagaMetrics } from "./saga-metrics.ts";
import { orderService } from "./service.ts";

await runService({
  name: "orders",
  variables,
  async start(host) {
    const { config, log, telemetry, servedBy } = host;
    const pool = await host.database();
    const relay = await host.relay(pool);
    const worker = thisWorker(servedBy);
    const store = new OrderStore(pool, worker);
    const sagas = new SagaStore(pool, worker);
    const changes = new OrderChanges(pool, config.databaseUrl, log);
    const steps = stepsWith({
      inventory: host.channel(config.inventoryAddress).client(InventoryServiceService),
      payments: host.channel(config.paymentsAddress).client(PaymentServiceService),
    });
    const onChange = (orderId: string) => {
      relay.wake();
      changes.announce(orderId);
    };
    const metrics = new SagaMetrics(telemetry, sagas);
    const driver = new SagaDriver({ orders: store, sagas, steps, worker, telemetry, metrics, log, onChange });
    const runner = new SagaRunner({ sagas, driver, log, concurrency: config.sagaConcurrency });
    await runner.start();

    const stopping = new AbortController();
    host.background({
      stop: async () => {
        stopping.abort();
        await runner.stop();
      },
    });
    host.onClose(() => changes.close());
    host.serve(
      OrderServiceService,
      orderService({
        store,
        prisma: new PrismaClient({ adapter: new PrismaPg(pool) }),
        runner,
        relay,
        changes,
        worker,
        catalog: host.channel(config.catalogAddress).client(CatalogServiceService),
        sagaTimeoutMs: config.sagaTimeoutMs,
        stopping: stopping.signal,
        origin: (call) => host.origin(call),
      }),
    );
  },
});
