/** Success rates, as a person reads them. */
import { bad, good, warning } from "./colours.ts";

/** Never rounded up: a failure in a million is not 100 %. */
export function rateText(rate: number | null): string {
  if (rate === null) return "-";
  const text = `${(Math.floor(rate * 10_000) / 100).toFixed(2)} %`;
  if (rate === 1) return good(text);
  return rate < 0.95 ? bad(text) : warning(text);
}
