/** Products of the demo data: enough of the one, little of the other. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Shelf } from "./scenarios.ts";

const file = resolve(import.meta.dirname, "../../services/catalog/prisma/demo-products.json");
const { products }: { products: { id: string; stock: number }[] } = JSON.parse(readFileSync(file, "utf8"));
const byStock = products.filter(({ stock }) => stock > 0).sort((a, b) => b.stock - a.stock);

/** The demo products, most stock first. */
export const DEMO_PRODUCTS: readonly { readonly id: string; readonly stock: number }[] = byStock;

export const DEMO_SHELF: Shelf = { plenty: byStock[0]?.id ?? "", scarce: byStock.at(-1)?.id ?? "" };
