/** Fills the catalog with the demo products. May run again: a product that exists stays as it is. */
import { readFileSync } from "node:fs";
import { parseEnv } from "@row/runtime/config.ts";
import { createPool } from "@row/runtime/database/postgres.ts";
import { createLogger } from "@row/runtime/telemetry/logger.ts";
import { databaseVariables } from "@row/runtime/variables.ts";
import { saveCategory } from "../src/category-store.ts";
import { catalogDatabase } from "../src/database.ts";
import { newProduct } from "../src/product.ts";
import { ProductReader } from "../src/product-reader.ts";
import { insertProduct } from "../src/product-store.ts";

interface DemoProduct {
  id: string;
  sku: string;
  name: string;
  description: string;
  categoryId: string;
  priceMinor: number;
  /** For inventory's seed. */
  stock: number;
}
const demo: { categories: { id: string; name: string }[]; products: DemoProduct[] } = JSON.parse(
  readFileSync(new URL("demo-products.json", import.meta.url), "utf8"),
);

const { databaseUrl } = parseEnv(databaseVariables);
const pool = createPool(databaseUrl, createLogger({ service: "catalog", version: "seed", instance: "seed" }, "warn"));
const act = { actor: "seed", action: "product.created" };
const origin = { correlationId: "seed", producer: "catalog/seed/seed" };

const prisma = catalogDatabase(pool);
for (const category of demo.categories) await saveCategory(prisma, category);
const reader = new ProductReader(pool);
const existing = await reader.findAll(demo.products.map(({ id }) => id));
const known = new Set(existing.map(({ id }) => id));
for (const { id, stock: _, ...product } of demo.products) {
  if (known.has(id)) continue;
  await insertProduct(
    pool,
    newProduct(id, { ...product, priceMinor: BigInt(product.priceMinor) }, new Date()),
    act,
    origin,
  );
}
await prisma.$disconnect();
await pool.end();
