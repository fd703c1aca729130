/** Pure: quantiles of a few values, such as those of rounds. */

/** The value that this share of all lie at or below; 0 when there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** The middle value; between two of them, the lower. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
