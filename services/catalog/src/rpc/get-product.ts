import type { GetProductRequest, GetProductResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { Dependencies } from "../dependencies.ts";
import { toMessage } from "../product-message.ts";

export function getProduct({ reader }: Dependencies) {
  return async ({ id }: GetProductRequest): Promise<GetProductResponse> => ({
    product: toMessage(await reader.get(id)),
  });
}
