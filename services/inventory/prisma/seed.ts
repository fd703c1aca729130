/** Puts the demo products in stock. May run again: a product that has stock keeps it. */
import { readFileSync } from "node:fs";
import { runSeed } from "@row/runtime/run-seed.ts";
import { adjustStock, findStock } from "../src/stock-store.ts";

// Only the file: what a product is called is catalog's business.
const file = new URL("../../catalog/prisma/demo-products.json", import.meta.url);
const { products } = JSON.parse(readFileSync(file, "utf8")) as { products: { id: string; stock: number }[] };

await runSeed("inventory", {}, async (pool) => {
  for (const { id, stock } of products) {
    if (stock === 0 || (await findStock(pool, id))) continue;
    await adjustStock(pool, { productId: id, delta: BigInt(stock), reason: "demo data" });
  }
});
