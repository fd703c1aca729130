import type {
  BatchGetProductsRequest,
  BatchGetProductsResponse,
} from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { Dependencies } from "../dependencies.ts";
import { toMessage } from "../product-message.ts";

export function batchGetProducts({ reader }: Dependencies) {
  return async ({ ids }: BatchGetProductsRequest): Promise<BatchGetProductsResponse> => {
    const products = await reader.findAll(ids);
    return { products: products.map(toMessage) };
  };
}
