import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface DemoProduct {
  id: string;
  sku: string;
  name: string;
  description: string;
  categoryId: string;
  priceMinor: number;
}

/** What the shop is seeded with, so that both stacks sell the same. */
export function demoProducts(): DemoProduct[] {
  const file = join(import.meta.dirname, "../../services/catalog/prisma/demo-products.json");
  return JSON.parse(readFileSync(file, "utf8")).products;
}
