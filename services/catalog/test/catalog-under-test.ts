import { randomUUIDv7 } from "node:crypto";
import { CatalogServiceService, type CreateProductRequest } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { Product } from "@row/gen/grpc/shop/catalog/v1/product.ts";
import { toMoney } from "@row/runtime/money.ts";
import type { RpcError } from "@row/runtime/rpc/status.ts";
import { startServices } from "@row/tests/harness/service-under-test.ts";

/** catalog with its stores and demo data, and what tests ask of it over and over. */
export async function startCatalog(env: Record<string, string> = {}) {
  const services = await startServices({ services: ["catalog"], env });
  const as = (caller: { service?: string; token?: string }) =>
    services.client("catalog", CatalogServiceService, caller);
  const merchantId = randomUUIDv7();
  const token = await services.auth.tokenFor({ id: merchantId, roles: ["merchant"] });
  const merchant = as({ service: "edge", token });
  const db = services.database("catalog");
  return {
    services,
    db,
    as,
    merchant,
    merchantId,
    visitor: as({ service: "edge" }),
    orders: as({ service: "orders" }),
    async product(given: Partial<CreateProductRequest> = {}): Promise<Product> {
      const { product } = await merchant.createProduct(newProductRequest(given));
      if (!product) throw new Error("no product");
      return product;
    },
    /** Every event written about a product, in the order of their sequence. */
    async events(productId: string): Promise<{ type: string; sequence: number; payload: Record<string, unknown> }[]> {
      const { rows } = await db.query(
        `SELECT split_part(subject, '.', 4) AS type, sequence::int, payload FROM runtime.outbox
        WHERE aggregate_id = $1 ORDER BY sequence`,
        [productId],
      );
      return rows;
    },
    async audit(productId: string): Promise<{ actor: string; action: string; details: Record<string, unknown> }[]> {
      const { rows } = await db.query(
        "SELECT actor, action, details FROM runtime.audit WHERE target = $1 ORDER BY time",
        [`product:${productId}`],
      );
      return rows;
    },
  };
}

export type CatalogUnderTest = Awaited<ReturnType<typeof startCatalog>>;

export function newProductRequest(given: Partial<CreateProductRequest> = {}): CreateProductRequest {
  return {
    sku: `TST-${randomUUIDv7().slice(-12).toUpperCase()}`,
    name: "Test Lamp",
    description: "",
    categoryId: "kitchen",
    price: toMoney(1999n),
    requestId: randomUUIDv7(),
    ...given,
  };
}

/** "OK", or why not. */
export async function answerOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => "OK",
    (error: RpcError) => error.reason || error.message,
  );
}
