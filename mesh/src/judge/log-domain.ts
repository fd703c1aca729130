/** Sums, means and gamma functions of numbers that are kept as logarithms, so that no product overflows. Pure: it only computes. */

/** ln Σ e^x; −∞ for no terms. */
export function logSumExp(terms: readonly number[]): number {
  const highest = Math.max(...terms);
  if (!Number.isFinite(highest)) return highest;
  let sum = 0;
  for (const term of terms) sum += Math.exp(term - highest);
  return highest + Math.log(sum);
}

/** ln of the mean of e^x. */
export function logMeanExp(terms: readonly number[]): number {
  return logSumExp(terms) - Math.log(terms.length);
}

const HALF_LOG_TAU = 0.5 * Math.log(2 * Math.PI);
/** Above it, four terms of Stirling's series are exact to the last digit. */
const STIRLING_FROM = 16;

/** ln Γ(x) for x > 0: Stirling's series, reached by Γ(x) = Γ(x + 1)/x. */
export function logGamma(x: number): number {
  let product = 1;
  let shifted = x;
  while (shifted < STIRLING_FROM) {
    product *= shifted;
    shifted += 1;
  }
  const inverse = 1 / shifted;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)));
  return (shifted - 0.5) * Math.log(shifted) - shifted + HALF_LOG_TAU + series - Math.log(product);
}
