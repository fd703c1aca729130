import type { GetProductRequest, GetProductResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { Dependencies } from "../dependencies.ts";
import { ProductNotFound } from "../product.ts";
import { toMessage } from "../product-message.ts";

export function getProduct({ reader }: Dependencies) {
  return async ({ id }: GetProductRequest): Promise<GetProductResponse> => {
    const product = await reader.find(id);
    if (!product) throw new ProductNotFound(id);
    return { product: toMessage(product) };
  };
}
