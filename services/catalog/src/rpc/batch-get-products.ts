import type {
  BatchGetProductsRequest,
  BatchGetProductsResponse,
} from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { toMessage } from "../product-message.ts";
import type { Dependencies } from "../service.ts";

export function batchGetProducts({ reader }: Dependencies) {
  return async ({ ids }: BatchGetProductsRequest): Promise<BatchGetProductsResponse> => {
    const products = await reader.findAll(ids);
    return { products: products.map(toMessage) };
  };
}
