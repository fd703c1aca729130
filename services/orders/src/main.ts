import { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { OrderServiceService } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { PrismaClient } from "@row/gen/prisma/orders/client.ts";
import { runService } from "@row/runtime/run-service.ts";
import { variables } from "./config.ts";
import { OrderChanges } from "./order-changes.ts";
import { OrderStore } from "./order-store.ts";
import { startSagas } from "./saga/sagas.ts";
import { orderService } from "./service.ts";

await runService({
  name: "orders",
  variables,
  async start(host) {
    const pool = await host.database();
    await host.relay(pool);
    const changes = new OrderChanges(pool, host.config.databaseUrl, host.log);
    host.background(changes);
    host.onClose(() => changes.close());
    const orders = new OrderStore(pool, changes);
    const sagas = await startSagas(host, orders, {
      inventory: host.client(InventoryServiceService),
      payments: host.client(PaymentServiceService),
    });
    const catalog = host.client(CatalogServiceService);
    const prisma = await host.prisma(PrismaClient);
    host.serve(OrderServiceService, orderService({ orders, sagas, changes, prisma, catalog }));
  },
});
