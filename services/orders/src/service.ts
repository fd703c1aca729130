/** The RPCs of OrderService. */
import type { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { OrderServiceService } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { PrismaClient } from "@row/gen/prisma/orders/client.ts";
import type { Call } from "@row/runtime/call.ts";
import type { PromiseClient } from "@row/runtime/client.ts";
import type { Handlers } from "@row/runtime/handler.ts";
import type { Origin } from "@row/runtime/outbox.ts";
import type { Relay } from "@row/runtime/outbox-relay.ts";
import type { OrderChanges } from "./order-changes.ts";
import type { OrderStore } from "./order-store.ts";
import { cancelOrder } from "./rpc/cancel-order.ts";
import { placeOrder } from "./rpc/place-order.ts";
import { getOrder, getOrderHistory, listOrders } from "./rpc/read-orders.ts";
import { watchOrder } from "./rpc/watch-order.ts";
import type { Worker } from "./saga/saga-record.ts";
import type { SagaRunner } from "./saga/saga-runner.ts";

export interface OrderDependencies {
  readonly store: OrderStore;
  readonly prisma: PrismaClient;
  readonly runner: SagaRunner;
  readonly relay: Relay;
  readonly changes: OrderChanges;
  readonly worker: Worker;
  readonly catalog: PromiseClient<typeof CatalogServiceService>;
  readonly sagaTimeoutMs: number;
  /** Aborts when the process stops: watchers go and resume elsewhere. */
  readonly stopping: AbortSignal;
  readonly origin: (call: Pick<Call, "correlationId" | "span">) => Origin;
}

export function orderService(dependencies: OrderDependencies): Handlers<typeof OrderServiceService> {
  const { store, prisma } = dependencies;
  return {
    placeOrder: placeOrder(dependencies),
    getOrder: getOrder(store),
    listOrders: listOrders(store, prisma),
    cancelOrder: cancelOrder(dependencies),
    watchOrder: watchOrder(dependencies),
    getOrderHistory: getOrderHistory(store, prisma),
  };
}
