import { randomUUIDv7 } from "node:crypto";
import { CreateProductRequest, CreateProductResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { callerOf, once } from "@row/runtime/database/idempotency.ts";
import { fromPrice } from "@row/runtime/money.ts";
import type { Dependencies } from "../dependencies.ts";
import { newProduct } from "../product.ts";
import { toMessage } from "../product-message.ts";
import { insertProduct } from "../product-store.ts";

export function createProduct({ pool, relay, origin }: Dependencies) {
  return (request: CreateProductRequest, call: Call): Promise<CreateProductResponse> => {
    const priceMinor = fromPrice(request.price, "price");
    const product = newProduct(randomUUIDv7(), { ...request, priceMinor }, new Date());
    const types = { request: CreateProductRequest, response: CreateProductResponse };
    return once(pool, call, types, request, async (remember) => {
      const response = { product: toMessage(product) };
      const act = { actor: callerOf(call), action: "product.created" };
      await insertProduct(pool, product, act, origin(call), remember(response));
      relay.wake();
      return response;
    });
  };
}
