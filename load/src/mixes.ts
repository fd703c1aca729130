/** What people do in a shop, and how often against the rest. Pure: numbers in, names out. */
import type { SeededRandom } from "./seeded-random.ts";

export type CallName =
  | "list products"
  | "get product"
  | "search products"
  | "list categories"
  | "place order"
  | "get order"
  | "list orders";

/** In hundredths. */
type Shares = Readonly<Partial<Record<CallName, number>>>;

/**
 * "read": people who look around. "mixed": most look, one request in twenty places an order, whose customer looks at it later.
 * "order": four requests in five place one.
 */
export const MIXES = {
  read: { "get product": 48, "list products": 30, "search products": 17, "list categories": 5 },
  mixed: {
    "get product": 40,
    "list products": 25,
    "search products": 13,
    "list categories": 5,
    "get order": 9,
    "place order": 5,
    "list orders": 3,
  },
  order: { "place order": 80, "get order": 15, "list orders": 5 },
} as const satisfies Readonly<Record<string, Shares>>;

export type MixName = keyof typeof MIXES;

export function isMix(name: string): name is MixName {
  return Object.hasOwn(MIXES, name);
}

/** The share of a call in a mix, from 0 to 1. */
export function shareOf(mix: MixName, call: CallName): number {
  const shares: Shares = MIXES[mix];
  return (shares[call] ?? 0) / 100;
}

/** Whether somebody has to be signed in for it. */
export function needsCustomers(mix: MixName): boolean {
  return shareOf(mix, "place order") > 0;
}

/** What the next one does. */
export function draw(mix: MixName, random: SeededRandom): CallName {
  let left = random.next() * 100;
  let last: CallName | undefined;
  for (const [call, share] of Object.entries(MIXES[mix]) as [CallName, number][]) {
    // as they are written above
    left -= share;
    last = call;
    if (left < 0) break;
  }
  return last ?? "list products";
}
