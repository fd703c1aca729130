/** Products by the page, and the keys that the pages go by. */
import type { PrismaClient } from "@row/gen/prisma/catalog/client.ts";
import { type Queryable, statement } from "@row/runtime/database/postgres.ts";
import type { Product } from "./product.ts";
import { PRODUCT_COLUMNS, PRODUCTS, type ProductRow, toProduct } from "./product-rows.ts";

/** A product with its place among the matches. */
export interface Match {
  readonly product: Product;
  /** Exactly as Postgres writes it, so that the next page begins where this one ends. */
  readonly rank: string;
}

/** At most `limit` products by (name, id), after a key of the two. */
export async function listByName(
  prisma: PrismaClient,
  list: { categoryId: string; after: { name: string; id: string } | undefined; limit: number },
): Promise<Product[]> {
  const { categoryId, after, limit } = list;
  const products = await prisma.product.findMany({
    where: {
      ...(categoryId !== "" && { categoryId }),
      // The first condition is for the index, the others are the key.
      ...(after && { name: { gte: after.name }, OR: [{ name: { gt: after.name } }, { id: { gt: after.id } }] }),
    },
    orderBy: [{ name: "asc" }, { id: "asc" }],
    take: limit,
  });
  const inStock = await prisma.availability.findMany({
    where: { productId: { in: products.map(({ id }) => id) }, available: true },
  });
  const available = new Set(inStock.map(({ productId }) => productId));
  return products.map((product) => ({ ...product, available: available.has(product.id) }));
}

const matchProducts = statement<ProductRow & { rank: string }>(
  "match-products",
  `SELECT ${PRODUCT_COLUMNS}, ts_rank(search, query)::text AS rank
  FROM websearch_to_tsquery('english', $1) AS query, ${PRODUCTS}
  WHERE search @@ query AND ($2::float4 IS NULL OR ts_rank(search, query) < $2::float4
    OR (ts_rank(search, query) = $2::float4 AND id > $3::uuid))
  ORDER BY ts_rank(search, query) DESC, id LIMIT $4`,
);

/** At most `limit` products that match the words, best first, after a key of (rank, id). */
export async function searchProducts(
  db: Queryable,
  list: { query: string; after: { rank: string; id: string } | undefined; limit: number },
): Promise<Match[]> {
  const rows = await matchProducts(db, [list.query, list.after?.rank ?? null, list.after?.id ?? null, list.limit]);
  return rows.map((row) => ({ product: toProduct(row), rank: row.rank }));
}
