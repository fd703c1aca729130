import type { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { PrismaClient } from "@row/gen/prisma/orders/client.ts";
import type { Call } from "@row/runtime/call.ts";
import type { Origin } from "@row/runtime/events/outbox.ts";
import type { Relay } from "@row/runtime/events/relay.ts";
import type { PromiseClient } from "@row/runtime/rpc/client.ts";
import type { OrderChanges } from "./order-changes.ts";
import type { OrderStore } from "./order-store.ts";
import type { Worker } from "./saga/saga-record.ts";
import type { SagaRunner } from "./saga/saga-runner.ts";

/** What the handlers stand on. */
export interface Dependencies {
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
