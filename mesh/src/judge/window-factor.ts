/** What one window's counts say about "the canary is worse by e^δ", as the logarithm of a likelihood ratio. Pure: it only computes. */

/** Of a version: how many requests (or orders, events) there were, and how many of them failed. */
export interface Counts {
  readonly total: number;
  readonly failed: number;
}

export interface Window {
  readonly baseline: Counts;
  readonly canary: Counts;
}

/**
 * ln LR(δ) for each δ. Given how many failed in both versions together, chance alone shares them by the hypergeometric distribution
 * H(k), whatever the rate of failures is in this window; LR(δ) = e^(δ·F_c) / Σ H(k)·e^(δk). It is 0 without failures and where one
 * version is silent, and LR has a mean of at most 1 as long as the canary is no worse.
 */
export function logFactors({ baseline, canary }: Window, deltas: readonly number[]): number[] {
  const failures = baseline.failed + canary.failed;
  const fewest = Math.max(0, failures - baseline.total);
  const most = Math.min(failures, canary.total);
  if (fewest === most) return deltas.map(() => 0);
  const chances = logChances(baseline.total, canary.total, failures, fewest, most);
  return deltas.map((delta) => delta * canary.failed - logMeanTilted(chances, fewest, delta));
}

/** ln H(k) from the fewest to the most that can fall to the canary, up to a constant that drops out. */
function logChances(baseline: number, canary: number, failures: number, fewest: number, most: number): Float64Array {
  const chances = new Float64Array(most - fewest + 1);
  for (let k = fewest; k < most; k += 1) {
    const ratio = ((canary - k) * (failures - k)) / ((k + 1) * (baseline - failures + k + 1));
    chances[k - fewest + 1] = (chances[k - fewest] ?? 0) + Math.log(ratio);
  }
  return chances;
}

/** ln of Σ H(k)·e^(δk) / Σ H(k). */
function logMeanTilted(chances: Float64Array, fewest: number, delta: number): number {
  let highest = Number.NEGATIVE_INFINITY;
  let highestTilted = Number.NEGATIVE_INFINITY;
  for (const [index, chance] of chances.entries()) {
    highest = Math.max(highest, chance);
    highestTilted = Math.max(highestTilted, chance + delta * index);
  }
  let sum = 0;
  let tilted = 0;
  for (const [index, chance] of chances.entries()) {
    sum += Math.exp(chance - highest);
    tilted += Math.exp(chance + delta * index - highestTilted);
  }
  return delta * fewest + highestTilted - highest + Math.log(tilted / sum);
}

/**
 * As `logFactors` for what happens any number of times in a request, such as calls downstream: `failed` counts those. If each call were
 * made by itself, chance would give each to the canary with its share w of the requests, and LR(δ) = e^(δ·C) / (1 − w + w·e^δ)^y.
 * Calls come in clumps of up to `clump` a request; each clump then counts as one at most. ln(1 − w + w·e^(δt)) is convex in t and 0
 * at 0, so the mean stays at most 1 for clumps of any size up to that.
 */
export function logRateFactors({ baseline, canary }: Window, clump: number, deltas: readonly number[]): number[] {
  const requests = baseline.total + canary.total;
  if (baseline.total === 0 || canary.total === 0) return deltas.map(() => 0);
  const share = canary.total / requests;
  const calls = (baseline.failed + canary.failed) / clump;
  return deltas.map((delta) => (delta * canary.failed) / clump - calls * Math.log1p(share * Math.expm1(delta)));
}
