/** How many requests a verdict takes, before there are any. Pure: it only computes. */
import { RISK_RATIOS } from "./evidence.ts";

interface Comparison {
  /** The canary's share of the requests of both versions that are compared: 0.5 against a baseline of its own size. */
  readonly share: number;
  /** The baseline's rate of failures. */
  readonly rate: number;
  readonly riskRatio: number;
}

/** About how many requests of both versions it takes to roll back a canary that is worse by the risk ratio: half of all runs take fewer. */
export function requestsToRollBack(
  { share, rate, riskRatio }: Comparison,
  { alpha, gateShare }: { readonly alpha: number; readonly gateShare: number },
): number {
  const together = 1 - share + share * riskRatio;
  const growth = share * rate * riskRatio * Math.log(riskRatio / together) - (1 - share) * rate * Math.log(together);
  return Math.ceil((Math.log(1 / alpha) + Math.log(RISK_RATIOS.length) + Math.log(1 / gateShare)) / growth);
}

/** About how many requests of both versions it takes to promote one that is equal, by A alone; nine in ten runs take up to three times as many. */
export function requestsToPromote({ share, rate, riskRatio }: Comparison, beta: number): number {
  const growth = rate * (Math.log(1 - share + share * riskRatio) - share * Math.log(riskRatio));
  return Math.ceil(Math.log(1 / beta) / growth);
}

/** How many requests of the canary without a failure promote it by the ceiling, while A says nothing. */
export function requestsBelowCeiling(ceiling: number, beta: number): number {
  return Math.ceil(Math.log(2 / beta - 1) / Math.log((1 - ceiling / 10) / (1 - ceiling)));
}
