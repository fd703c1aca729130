/** What the catalog shows, by the events it consumed, is what inventory has. */
import type { Evidence, Violation } from "./evidence.ts";

export function shownStock({ stock, availability }: Evidence): Violation[] {
  const shown = new Map(availability.map(({ productId, isAvailable }) => [productId, isAvailable]));
  return stock
    .filter(({ productId, onHand }) => (shown.get(productId) ?? false) !== onHand > 0n)
    .map(({ productId, onHand }) => ({
      invariant: "the catalog shows what inventory has",
      detail: `${onHand} on hand, shown as ${shown.get(productId) ? "available" : "sold out"}`,
      ids: [productId],
    }));
}
