/** What all windows together say about one metric: a sum of logarithms for each harm that is looked for. Pure: it only computes. */
import { logMeanExp, logSumExp } from "./log-domain.ts";
import { type Counts, logFactors, logRateFactors, type Window } from "./window-factor.ts";

/** How much worse a canary may be, in the odds of a failure, which are close to the rates' ratio while failures are rare. */
export const RISK_RATIOS = [1.25, 1.5, 2, 3, 5, 10, 30] as const;
const MIXTURE = RISK_RATIOS.map(Math.log);

/** The risk ratios between which an interval is looked for: e^−4 to e^4, in steps of 5 %. */
const INTERVAL = Array.from({ length: 161 }, (_, index) => (index - 80) / 20);

/** How a metric is measured, and which harm of it matters. */
export interface Measure {
  /** A share of the requests (orders, events) that fail, or how often something happens in a request. */
  readonly kind: "proportion" | "rate";
  /** The harm that matters: promoted is only what is not this many times worse. */
  readonly riskRatio: number;
  /** The share of failures that is too high whatever the baseline's is. */
  readonly ceiling?: number;
  /** Of a rate: the most that one request of stable makes. */
  readonly clump?: number;
}

export interface Evidence {
  readonly baseline: Counts;
  readonly canary: Counts;
  /** Σ ln LR(δ) for each δ of `deltasOf`. */
  readonly logRatios: readonly number[];
  /** The highest that ln E has been. */
  readonly highestLogE: number;
}

/** The harms whose likelihood is kept: of the mixture, the one that matters, and those an interval is made of. */
export function deltasOf({ riskRatio }: Pick<Measure, "riskRatio">): readonly number[] {
  return [...MIXTURE, Math.log(riskRatio), ...INTERVAL];
}

const HARM = MIXTURE.length;
const FIRST_OF_INTERVAL = HARM + 1;

export function noEvidence(deltas: readonly number[]): Evidence {
  const none = { total: 0, failed: 0 };
  return { baseline: none, canary: none, logRatios: deltas.map(() => 0), highestLogE: 0 };
}

/** The evidence with the windows of one second, one for each stratum. Throws for counts that cannot be. */
export function withWindows(
  evidence: Evidence,
  windows: readonly Window[],
  measure: Measure,
  deltas: readonly number[],
): Evidence {
  const logRatios = [...evidence.logRatios];
  let { baseline, canary } = evidence;
  for (const window of windows) {
    refuseImpossible(window.baseline, measure);
    refuseImpossible(window.canary, measure);
    baseline = sum(baseline, window.baseline);
    canary = sum(canary, window.canary);
    if (window.baseline.failed + window.canary.failed === 0) continue;
    const factors =
      measure.kind === "rate" ? logRateFactors(window, measure.clump ?? 1, deltas) : logFactors(window, deltas);
    for (const [index, factor] of factors.entries()) logRatios[index] = (logRatios[index] ?? 0) + factor;
  }
  const summed = { baseline, canary, logRatios };
  return { ...summed, highestLogE: Math.max(evidence.highestLogE, logE(summed)) };
}

function sum(one: Counts, other: Counts): Counts {
  return { total: one.total + other.total, failed: one.failed + other.failed };
}

function refuseImpossible({ total, failed }: Counts, { kind }: Measure): void {
  const areCounts = Number.isSafeInteger(total) && Number.isSafeInteger(failed) && total >= 0 && failed >= 0;
  if (areCounts && (kind === "rate" || failed <= total)) return;
  throw new RangeError(`Cannot judge ${failed} of ${total} requests: they are no counts`);
}

/** ln E: the mean over the mixture's risk ratios of the windows' product. At 1/α, "no worse" is rejected. */
export function logE({ logRatios }: Pick<Evidence, "logRatios">): number {
  return logMeanExp(logRatios.slice(0, HARM));
}

/** ln Ē over several metrics, by their shares, which add up to 1. */
export function logEOfAll(metrics: readonly { readonly share: number; readonly evidence: Evidence }[]): number {
  return logSumExp(metrics.map(({ share, evidence }) => Math.log(share) + logE(evidence)));
}

/** p = min(1, 1/max E): how surprising the most that was seen is, if the canary is no worse. */
export function pValue({ highestLogE }: Evidence): number {
  return Math.min(1, Math.exp(-highestLogE));
}

/** ln A: against "worse by the harm that matters, or more". */
export function logA({ logRatios }: Evidence): number {
  return 0 - (logRatios[HARM] ?? 0);
}

/** ln B: against "above the ceiling", from the canary alone, with a tenth of the ceiling as what is hoped for. */
export function logB({ total, failed }: Counts, ceiling: number): number {
  const hoped = ceiling / 10;
  return (total - failed) * Math.log((1 - hoped) / (1 - ceiling)) + failed * Math.log(hoped / ceiling);
}

/** ln of (A + B)/2; of A alone where no ceiling is asked for. At 1/β, the metric says nothing against promoting. */
export function logPromotion(evidence: Evidence, { ceiling }: Measure): number {
  const a = logA(evidence);
  return ceiling === undefined ? a : logMeanExp([a, logB(evidence.canary, ceiling)]);
}

export interface Interval {
  /** A risk ratio; 0 where the data set none. */
  readonly from: number;
  /** A risk ratio; undefined where the data set no upper bound. */
  readonly to?: number;
}

/** The risk ratios that the mixture does not reject at level α: valid however often one looks, like the verdict. */
export function interval(evidence: Evidence, alpha: number): Interval {
  const limit = logE(evidence) + Math.log(alpha);
  const likelihoods = evidence.logRatios.slice(FIRST_OF_INTERVAL);
  const kept = INTERVAL.flatMap((_, index) => ((likelihoods[index] ?? 0) > limit ? [index] : []));
  const first = kept[0] ?? mostLikely(likelihoods);
  const last = kept.at(-1) ?? first;
  const lower = crossing(likelihoods, first - 1, first, limit);
  const upper = crossing(likelihoods, last + 1, last, limit);
  return { from: lower === undefined ? 0 : Math.exp(lower), ...(upper !== undefined && { to: Math.exp(upper) }) };
}

function mostLikely(likelihoods: readonly number[]): number {
  return likelihoods.indexOf(Math.max(...likelihoods));
}

/** Where the likelihood, which is concave in δ, falls to the limit between two neighbours; undefined beyond the last that is looked at. */
function crossing(likelihoods: readonly number[], outside: number, inside: number, limit: number): number | undefined {
  const [far, near] = [INTERVAL[outside], INTERVAL[inside]];
  const [low, high] = [likelihoods[outside], likelihoods[inside]];
  if (far === undefined || near === undefined || low === undefined || high === undefined) return undefined;
  const part = high > low ? Math.min(1, Math.max(0, (high - limit) / (high - low))) : 0;
  return near + (far - near) * part;
}
