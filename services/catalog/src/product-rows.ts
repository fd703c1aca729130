/** Rows → Product, for the statements that read products. */
import type { Product } from "./product.ts";

export interface ProductRow {
  id: string;
  sku: string;
  name: string;
  description: string;
  category_id: string;
  price_minor: bigint;
  version: bigint;
  /** Milliseconds since the epoch: several times cheaper to read than Postgres's own format. */
  created: number;
  updated: number;
  available: boolean;
}

/** To stand between SELECT and FROM PRODUCTS. */
export const PRODUCT_COLUMNS = `id, sku, name, description, category_id, price_minor, version,
  date_part('epoch', create_time) * 1000 AS created, date_part('epoch', update_time) * 1000 AS updated,
  coalesce(available, false) AS available`;

export const PRODUCTS = "products LEFT JOIN availability ON product_id = id";

export function toProduct(row: ProductRow): Product {
  return {
    id: row.id,
    sku: row.sku,
    name: row.name,
    description: row.description,
    categoryId: row.category_id,
    priceMinor: row.price_minor,
    available: row.available,
    version: row.version,
    createTime: new Date(row.created),
    updateTime: new Date(row.updated),
  };
}
