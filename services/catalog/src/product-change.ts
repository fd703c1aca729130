import { DomainError } from "@row/runtime/domain-error.ts";
import { type Product, ProductNotFound } from "./product.ts";
import type { ProductReader } from "./product-reader.ts";

/** Merchants rarely change one product at once. */
const TRIES = 5;

/** Loads a product and changes it; again when `attempt` answers that somebody else changed it meanwhile. Throws ProductNotFound. */
export async function changeProduct(
  reader: ProductReader,
  id: string,
  attempt: (before: Product) => Promise<Product | undefined>,
): Promise<Product> {
  for (let i = 1; i <= TRIES; i++) {
    const before = await reader.find(id);
    if (!before) throw new ProductNotFound(id);
    const after = await attempt(before);
    if (after) return after;
  }
  throw new DomainError("aborted", "CONFLICT", `Cannot change product "${id}": others keep changing it`);
}
