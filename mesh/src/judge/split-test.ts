/** Whether requests were shared among versions as the weights ask, by a test that may be looked at all the time. Pure: it only computes. */
import { logGamma } from "./log-domain.ts";

/** How firmly the alternative is drawn around the weights: as if it had seen so many requests before. */
const PRIOR_REQUESTS = 100;

/** From here on the split is not what was asked for. */
export const SPLIT_LIMIT = Math.log(1_000);

/**
 * ln O = ln( B(kθ + S)/B(kθ) · Π θ^(−S) ) for requests S by version under weights θ: a multinomial test (Lindon and Malek, arXiv
 * 2011.03567). Versions whose weight is 0 are left out. At O ≥ 1,000 the weights were not obeyed.
 */
export function logSplitOdds(weights: readonly number[], requests: readonly number[]): number {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const arms = weights.flatMap((weight, index) =>
    weight > 0 ? [{ asked: weight / all, seen: requests[index] ?? 0 }] : [],
  );
  const before = arms.map(({ asked }) => PRIOR_REQUESTS * asked);
  const after = arms.map(({ asked, seen }) => PRIOR_REQUESTS * asked + seen);
  return logBeta(after) - logBeta(before) - arms.reduce((sum, { asked, seen }) => sum + seen * Math.log(asked), 0);
}

/** ln of the multivariate beta function. */
function logBeta(parameters: readonly number[]): number {
  const sum = parameters.reduce((total, parameter) => total + parameter, 0);
  return parameters.reduce((total, parameter) => total + logGamma(parameter), 0) - logGamma(sum);
}
