/** The one currency of this shop, in whole minor units (cents). */

/** ISO 4217. */
export const CURRENCY = "EUR";

/** How many cents a unit has. */
export const MINOR_PER_UNIT = 100n;
/** Far above any price, far below 2^63. */
export const MAX_MINOR = 10n ** 15n;

/** "12.90 EUR", for people. */
export function amountText(minor: bigint): string {
  return `${minor / MINOR_PER_UNIT}.${String(minor % MINOR_PER_UNIT).padStart(2, "0")} ${CURRENCY}`;
}
