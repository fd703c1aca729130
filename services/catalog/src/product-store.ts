/** Saves products: the change, its events, the audit trail and the remembered answer in one statement. */
import { ProductCreated, ProductPriceChanged, ProductUpdated } from "@row/gen/grpc/shop/catalog/v1/catalog_events.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import type { RememberedRequest } from "@row/runtime/database/idempotency.ts";
import { isUniqueViolation, type Queryable } from "@row/runtime/database/postgres.ts";
import { along, write } from "@row/runtime/database/write.ts";
import { event, type OutboxEvent } from "@row/runtime/events/outbox.ts";
import { toMoney } from "@row/runtime/money.ts";
import pg from "pg";
import { CategoryNotFound, type Product, SkuTaken } from "./product.ts";

const COLUMNS = {
  ...{ id: "uuid", sku: "text", name: "text", description: "text", category_id: "text" },
  ...{ price_minor: "bigint", version: "bigint", time: "timestamptz" },
} as const;

const createProducts = write(
  "create-product",
  COLUMNS,
  {
    // From `held`: of two requests with one id, the second must not run into the SKU of the first.
    created: `INSERT INTO products (id, sku, name, description, category_id, price_minor, version, create_time, update_time)
      SELECT id, sku, name, description, category_id, price_minor, version, time, time FROM held`,
  },
  { remembers: true, audits: true },
);

const replaceProducts = write(
  "save-product",
  { ...COLUMNS, expected_version: "bigint" },
  {
    ready: `SELECT asked.* FROM asked JOIN products ON products.id = asked.id AND products.sku = asked.sku
      AND products.version = expected_version FOR NO KEY UPDATE OF products`,
    saved: `UPDATE products SET name = held.name, description = held.description, category_id = held.category_id,
      price_minor = held.price_minor, version = held.version, update_time = held.time
      FROM held WHERE products.id = held.id`,
  },
  { remembers: true, audits: true },
);

/** Adds a product; false when the request was answered before. Throws SkuTaken, CategoryNotFound. */
export async function insertProduct(db: Queryable, product: Product, answer?: RememberedRequest): Promise<boolean> {
  const details = { ...descriptionOf(product), sku: product.sku, priceMinor: Number(product.priceMinor) };
  const acts = [{ action: "product.created", target: `product:${product.id}`, details }];
  const record = { ...columnsOf(product), ...along({ events: [created(product)], acts, answer }) };
  const [isNew = false] = await createProducts(db, [record]).catch((error: unknown) => {
    throw refusal(error, product);
  });
  crashPoint("catalog.after-create");
  return isNew;
}

/** What is done to a product, as the audit trail calls it. */
type ProductAct = "product.updated" | "product.price-changed";

/**
 * Replaces `before` by `after`; false when it is no longer as it was before, or when the request was answered before. Throws
 * CategoryNotFound.
 */
export async function replaceProduct(
  db: Queryable,
  action: ProductAct,
  before: Product,
  after: Product,
  answer?: RememberedRequest,
): Promise<boolean> {
  const details = { before: changeable(before), after: changeable(after) };
  const acts = [{ action, target: `product:${after.id}`, details }];
  const record = {
    ...columnsOf(after),
    expected_version: String(before.version),
    ...along({ events: changed(before, after), acts, answer }),
  };
  const [isDone = false] = await replaceProducts(db, [record]).catch((error: unknown) => {
    throw refusal(error, after);
  });
  crashPoint("catalog.after-save");
  return isDone;
}

function columnsOf({ id, sku, name, description, categoryId, priceMinor, version, updateTime }: Product) {
  return {
    ...{ id, sku, name, description, category_id: categoryId },
    ...{ price_minor: String(priceMinor), version: String(version), time: updateTime },
  };
}

function created({ id, sku, name, categoryId, priceMinor, version }: Product): OutboxEvent {
  return event(ProductCreated, id, version, { productId: id, sku, name, categoryId, price: toMoney(priceMinor) });
}

/** One event a change: a request changes the description or the price, never both. */
function changed(before: Product, after: Product): OutboxEvent[] {
  if (before.version === after.version) return [];
  const { id, name, categoryId, version } = after;
  if (before.priceMinor === after.priceMinor) {
    return [event(ProductUpdated, id, version, { productId: id, name, categoryId })];
  }
  const prices = { oldPrice: toMoney(before.priceMinor), newPrice: toMoney(after.priceMinor) };
  return [event(ProductPriceChanged, id, version, { productId: id, ...prices })];
}

function descriptionOf({ name, description, categoryId }: Product) {
  return { name, description, categoryId };
}

function changeable(product: Product) {
  return { ...descriptionOf(product), priceMinor: Number(product.priceMinor) };
}

function refusal(error: unknown, product: Product): unknown {
  if (isUniqueViolation(error, "products_sku_key")) return new SkuTaken(product.sku);
  const isCategory = error instanceof pg.DatabaseError && error.constraint === "products_category_id_fkey";
  return isCategory ? new CategoryNotFound(product.categoryId) : error;
}
