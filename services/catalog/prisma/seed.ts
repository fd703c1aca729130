/** Fills the catalog with the demo products. May run again: a product that exists stays as it is. */
import { readFileSync } from "node:fs";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@row/gen/prisma/catalog/client.ts";
import { runSeed } from "@row/runtime/run-seed.ts";
import { saveCategory } from "../src/category-store.ts";
import { newProduct } from "../src/product.ts";
import { ProductReader } from "../src/product-reader.ts";
import { insertProduct } from "../src/product-store.ts";

interface DemoProduct {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  readonly categoryId: string;
  readonly priceMinor: number;
  /** For inventory's seed. */
  readonly stock: number;
}
const demo: { categories: { id: string; name: string }[]; products: DemoProduct[] } = JSON.parse(
  readFileSync(new URL("demo-products.json", import.meta.url), "utf8"),
);

await runSeed("catalog", {}, async (pool) => {
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  for (const category of demo.categories) await saveCategory(prisma, category);
  const existing = await new ProductReader(pool).findAll(demo.products.map(({ id }) => id));
  const known = new Set(existing.map(({ id }) => id));
  for (const { id, stock: _, ...product } of demo.products) {
    if (known.has(id)) continue;
    await insertProduct(pool, newProduct(id, { ...product, priceMinor: BigInt(product.priceMinor) }, new Date()));
  }
  await prisma.$disconnect();
});
