import type { SearchProductsRequest, SearchProductsResponse } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { PageTokens, pageSize } from "@row/runtime/page-token.ts";
import type { Dependencies } from "../dependencies.ts";
import { rankKey } from "../page-key.ts";
import { searchProducts as search } from "../product-lists.ts";
import { toMessage } from "../product-message.ts";
import { searchWords } from "../search-words.ts";
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from "./list-products.ts";

export function searchProducts({ pool }: Dependencies) {
  return async (request: SearchProductsRequest): Promise<SearchProductsResponse> => {
    const query = searchWords(request.query);
    const size = pageSize(request.pageSize, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
    const tokens = new PageTokens("product search", query);
    const after = rankKey(tokens.decode(request.pageToken));
    const found = await search(pool, { query, after, limit: size + 1 });
    const { rows, nextPageToken } = tokens.page(found, size, ({ rank, product }) => [rank, product.id]);
    return { products: rows.map(({ product }) => toMessage(product)), nextPageToken };
  };
}
