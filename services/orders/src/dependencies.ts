import type { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { PrismaClient } from "@row/gen/prisma/orders/client.ts";
import type { PromiseClient } from "@row/runtime/rpc/client.ts";
import type { OrderChanges } from "./order-changes.ts";
import type { OrderStore } from "./order-store.ts";
import type { Sagas } from "./saga/sagas.ts";

/** What the handlers stand on. */
export interface Dependencies {
  readonly orders: OrderStore;
  readonly sagas: Sagas;
  readonly changes: OrderChanges;
  readonly prisma: PrismaClient;
  readonly catalog: PromiseClient<typeof CatalogServiceService>;
}
