import { setImmediate } from "node:timers/promises";
import { type Queryable, statement } from "@row/runtime/database/postgres.ts";
import { type Product, ProductNotFound } from "./product.ts";
import { PRODUCT_COLUMNS, PRODUCTS, type ProductRow, toProduct } from "./product-rows.ts";

const selectProducts = statement<ProductRow>(
  "read-products",
  `SELECT ${PRODUCT_COLUMNS} FROM ${PRODUCTS} WHERE id = ANY($1::uuid[])`,
);

interface Waiting {
  readonly id: string;
  resolve(product: Product | undefined): void;
  reject(error: unknown): void;
}

/** One query waits for its answer while the other is made and read. */
const QUERIES = 2;
const MOST_AT_ONCE = 200;
const ANSWERS_A_TURN = 4;

/**
 * Reads products by id. Nothing is cached: what is asked for while queries are under way goes into the next one, together,
 * so that a query costs its time once for many callers and a call's answer is never older than the call.
 */
export class ProductReader {
  readonly #db: Queryable;
  #waiting: Waiting[] = [];
  #queries = 0;

  constructor(db: Queryable) {
    this.#db = db;
  }

  /** Throws ProductNotFound. */
  async get(id: string): Promise<Product> {
    const product = await this.#find(id);
    if (!product) throw new ProductNotFound(id);
    return product;
  }

  #find(id: string): Promise<Product | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, resolve, reject });
      this.#read();
    });
  }

  /** Those that exist, in the order asked for. */
  async findAll(ids: readonly string[]): Promise<Product[]> {
    const products = await findProducts(this.#db, [...new Set(ids)]);
    return ids.map((id) => products.get(id)).filter((product) => product !== undefined);
  }

  #read(): void {
    if (this.#queries >= QUERIES || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, MOST_AT_ONCE);
    this.#queries += 1;
    findProducts(this.#db, [...new Set(batch.map(({ id }) => id))])
      .finally(() => {
        this.#queries -= 1;
        this.#read();
      })
      .then(
        (products) => handOut(batch, products),
        (error: unknown) => {
          for (const { reject } of batch) reject(error);
        },
      );
  }
}

/**
 * Answers a few callers in each turn of the event loop. What is written in one turn leaves the process together: answered
 * all at once, they would come back all at once, and this process and those that call it would wait for one another.
 */
async function handOut(batch: readonly Waiting[], products: ReadonlyMap<string, Product>): Promise<void> {
  for (const [position, { id, resolve }] of batch.entries()) {
    if (position > 0 && position % ANSWERS_A_TURN === 0) await setImmediate();
    resolve(products.get(id));
  }
}

async function findProducts(db: Queryable, ids: readonly string[]): Promise<Map<string, Product>> {
  const rows = await selectProducts(db, [ids]);
  return new Map(rows.map((row) => [row.id, toProduct(row)]));
}
