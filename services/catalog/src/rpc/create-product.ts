import { randomUUIDv7 } from "node:crypto";
import type { CreateProductRequest, CreateProductResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { type IdempotentHandler, idempotent } from "@row/runtime/database/idempotency.ts";
import { fromPrice } from "@row/runtime/money.ts";
import type { Dependencies } from "../dependencies.ts";
import { newProduct } from "../product.ts";
import { toMessage } from "../product-message.ts";
import { insertProduct } from "../product-store.ts";

export function createProduct({ pool }: Dependencies): IdempotentHandler<CreateProductRequest, CreateProductResponse> {
  return idempotent(pool, async (request, _call, remember) => {
    const priceMinor = fromPrice(request.price, "price");
    const product = newProduct(randomUUIDv7(), { ...request, priceMinor }, new Date());
    const response = { product: toMessage(product) };
    return (await insertProduct(pool, product, remember(response))) ? response : undefined;
  });
}
