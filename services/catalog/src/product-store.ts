/** Saves products: the change, its events, the audit trail and the remembered answer in one statement. */
import { ProductCreated, ProductPriceChanged, ProductUpdated } from "@row/gen/grpc/shop/catalog/v1/catalog_events.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { REMEMBER_PARAMETERS, rememberRequest } from "@row/runtime/database/idempotency.ts";
import { isUniqueViolation, type Queryable, statement } from "@row/runtime/database/postgres.ts";
import {
  event,
  type Origin,
  OUTBOX_PARAMETERS,
  type OutboxEvent,
  outboxInsert,
  outboxValues,
} from "@row/runtime/events/outbox.ts";
import { toMoney } from "@row/runtime/money.ts";
import pg from "pg";
import { CategoryNotFound, type Product, SkuTaken } from "./product.ts";

/** Who changes a product, and how that is called in the audit trail. */
export interface ProductAct {
  readonly actor: string;
  readonly action: string;
}

/** The first answer to a request_id, as `once` wants it stored with the effect. */
export type RememberedValues = readonly unknown[];

const NOT_REMEMBERED: RememberedValues = Array.from({ length: REMEMBER_PARAMETERS }, () => null);

const PRODUCT = 1;
const PRODUCT_PARAMETERS = 8;
const AUDIT = PRODUCT + PRODUCT_PARAMETERS;
const EVENTS = AUDIT + 4;
const REQUEST = EVENTS + OUTBOX_PARAMETERS;
const EXPECTED_VERSION = REQUEST + REMEMBER_PARAMETERS;

// The correlation id is among the outbox's parameters.
const AUDITED = `INSERT INTO runtime.audit (actor, action, target, details, correlation_id)
  SELECT $${AUDIT}::text, $${AUDIT + 1}::text, $${AUDIT + 2}::text, $${AUDIT + 3}::jsonb, $${EVENTS + 5}::text FROM saved`;
const REMEMBERED_IF = `WHERE $${REQUEST}::text IS NOT NULL`;

// The remembered answer comes first: of two requests with one id, the second must not run into the SKU of the first.
const insertProductStatement = statement(
  "create-product",
  `WITH remembered AS (${rememberRequest(REQUEST, REMEMBERED_IF)}), saved AS (
    INSERT INTO products (id, sku, name, description, category_id, price_minor, version, create_time, update_time)
    SELECT $1::uuid, $2::text, $3::text, $4::text, $5::text, $6::bigint, $7::bigint, $8::timestamptz, $8::timestamptz
    FROM (SELECT count(*) FROM remembered) AS once RETURNING id
  ), published AS (${outboxInsert(EVENTS)})
  ${AUDITED}`,
);

const updateProduct = statement(
  "save-product",
  `WITH saved AS (
    UPDATE products SET name = $3::text, description = $4::text, category_id = $5::text, price_minor = $6::bigint,
      version = $7::bigint, update_time = $8::timestamptz
    WHERE id = $1::uuid AND sku = $2::text AND version = $${EXPECTED_VERSION}::bigint RETURNING id
  ), published AS (${outboxInsert(EVENTS, "WHERE EXISTS (SELECT FROM saved)")}
  ), remembered AS (${rememberRequest(REQUEST, `${REMEMBERED_IF} AND EXISTS (SELECT FROM saved)`)}
  ), audited AS (${AUDITED})
  SELECT id FROM saved`,
);

/** Adds a product. Throws SkuTaken, CategoryNotFound. */
export async function insertProduct(
  db: Queryable,
  product: Product,
  act: ProductAct,
  origin: Origin,
  remembered = NOT_REMEMBERED,
): Promise<void> {
  const details = { ...description(product), sku: product.sku, priceMinor: Number(product.priceMinor) };
  try {
    await insertProductStatement(db, [
      ...productValues(product),
      ...[act.actor, act.action, `product:${product.id}`, JSON.stringify(details)],
      ...outboxValues([created(product)], origin),
      ...remembered,
    ]);
  } catch (error) {
    throw refusal(error, product);
  }
  crashPoint("catalog.after-create");
}

/** Replaces `before` by `after`; false when it is no longer as it was before. Throws CategoryNotFound. */
export async function saveProduct(
  db: Queryable,
  before: Product,
  after: Product,
  act: ProductAct,
  origin: Origin,
  remembered = NOT_REMEMBERED,
): Promise<boolean> {
  const details = { before: changeable(before), after: changeable(after) };
  try {
    const rows = await updateProduct(db, [
      ...productValues(after),
      ...[act.actor, act.action, `product:${after.id}`, JSON.stringify(details)],
      ...outboxValues(changes(before, after), origin),
      ...remembered,
      before.version,
    ]);
    crashPoint("catalog.after-save");
    return rows.length > 0;
  } catch (error) {
    throw refusal(error, after);
  }
}

function productValues(product: Product): unknown[] {
  const { id, sku, name, categoryId, priceMinor, version, updateTime } = product;
  return [id, sku, name, product.description, categoryId, priceMinor, version, updateTime];
}

function created({ id, sku, name, categoryId, priceMinor, version }: Product): OutboxEvent {
  return event(ProductCreated, id, version, { productId: id, sku, name, categoryId, price: toMoney(priceMinor) });
}

/** One event a change: a request changes the description or the price, never both. */
function changes(before: Product, after: Product): OutboxEvent[] {
  if (before.version === after.version) return [];
  const { id, name, categoryId, version } = after;
  if (before.priceMinor === after.priceMinor) {
    return [event(ProductUpdated, id, version, { productId: id, name, categoryId })];
  }
  const prices = { oldPrice: toMoney(before.priceMinor), newPrice: toMoney(after.priceMinor) };
  return [event(ProductPriceChanged, id, version, { productId: id, ...prices })];
}

function description({ name, description, categoryId }: Product) {
  return { name, description, categoryId };
}

function changeable(product: Product) {
  return { ...description(product), priceMinor: Number(product.priceMinor) };
}

function refusal(error: unknown, product: Product): unknown {
  if (isUniqueViolation(error, "products_sku_key")) return new SkuTaken(product.sku);
  const isCategory = error instanceof pg.DatabaseError && error.constraint === "products_category_id_fkey";
  return isCategory ? new CategoryNotFound(product.categoryId) : error;
}
