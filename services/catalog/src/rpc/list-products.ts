import type { ListProductsRequest, ListProductsResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { PageTokens, pageSize } from "@row/runtime/page-token.ts";
import type { Dependencies } from "../dependencies.ts";
import { nameKey } from "../page-key.ts";
import { listByName } from "../product-lists.ts";
import { toMessage } from "../product-message.ts";

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;

export function listProducts({ prisma }: Dependencies) {
  return async (request: ListProductsRequest): Promise<ListProductsResponse> => {
    const { categoryId } = request;
    const size = pageSize(request.pageSize, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
    const tokens = new PageTokens("products", categoryId);
    const after = nameKey(tokens.decode(request.pageToken));
    const found = await listByName(prisma, { categoryId, after, limit: size + 1 });
    const { rows, nextPageToken } = tokens.page(found, size, ({ name, id }) => [name, id]);
    return { products: rows.map(toMessage), nextPageToken };
  };
}
