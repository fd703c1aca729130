/** Puts the demo products in stock. May run again: a product that has stock keeps it. */
import { readFileSync } from "node:fs";
import { parseEnv } from "@row/runtime/config.ts";
import { createPool } from "@row/runtime/database/postgres.ts";
import { createLogger } from "@row/runtime/telemetry/logger.ts";
import { databaseVariables } from "@row/runtime/variables.ts";
import { changeStock, findStock } from "../src/stock-store.ts";

// Only the file: what a product is called is catalog's business.
const file = new URL("../../catalog/prisma/demo-products.json", import.meta.url);
const { products } = JSON.parse(readFileSync(file, "utf8")) as { products: { id: string; stock: number }[] };

const { databaseUrl } = parseEnv(databaseVariables);
const pool = createPool(databaseUrl, createLogger({ service: "inventory", version: "seed", instance: "seed" }, "warn"));
const origin = { correlationId: "seed", producer: "inventory/seed/seed" };
for (const { id, stock } of products) {
  if (stock === 0 || (await findStock(pool, id))) continue;
  await changeStock(pool, { productId: id, delta: BigInt(stock), actor: "seed", reason: "demo data" }, origin);
}
await pool.end();
