/** What the judge knows at one moment, as numbers to show and to keep. Pure: it only computes. */
import { type Interval, interval, logE, logPromotion, pValue } from "./evidence.ts";
import { gatesSeen, type JudgeState, splitOdds } from "./judge.ts";
import type { JudgeRule } from "./rule.ts";
import type { Verdict } from "./verdict.ts";
import type { Counts } from "./window-factor.ts";

export interface GateSummary {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly kind: "proportion" | "rate";
  readonly decides: boolean;
  readonly share: number;
  readonly riskRatio: number;
  readonly baseline: Counts;
  readonly canary: Counts;
  /** ln E, against "no worse". */
  readonly logE: number;
  /** ln of (A + B)/2, against the harm that matters. */
  readonly logPromotion: number;
  readonly p: number;
  readonly riskRatioInterval: Interval;
  readonly example?: string;
}

export interface Summary {
  readonly seconds: number;
  readonly step: number;
  readonly canaryRequests: number;
  /** ln Ē over all gates now, and the highest that it has been. */
  readonly logE: number;
  readonly highestLogE: number;
  /** p = min(1, 1/max Ē). */
  readonly p: number;
  /** Where ln Ē rolls back, and where each deciding gate's ln (A + B)/2 promotes. */
  readonly lines: { readonly rollBack: number; readonly promote: number };
  /** ln O of the split. */
  readonly splitLogOdds: number;
  readonly gates: readonly GateSummary[];
  readonly verdict?: Verdict;
}

export function summaryOf(rule: JudgeRule, state: JudgeState): Summary {
  const seen = gatesSeen(rule, state);
  return {
    seconds: state.seconds,
    step: state.step.index,
    canaryRequests: state.canaryRequests,
    logE: state.logE,
    highestLogE: state.highestLogE,
    p: Math.min(1, Math.exp(-state.highestLogE)),
    lines: { rollBack: -Math.log(rule.alpha), promote: -Math.log(rule.beta) },
    splitLogOdds: splitOdds(rule, state),
    gates: seen.map(({ gate, evidence, example }) => ({
      name: gate.name,
      title: gate.title,
      unit: gate.unit,
      kind: gate.kind,
      decides: gate.decides,
      share: gate.share,
      riskRatio: gate.riskRatio,
      baseline: evidence.baseline,
      canary: evidence.canary,
      logE: logE(evidence),
      logPromotion: logPromotion(evidence, gate),
      p: pValue(evidence),
      riskRatioInterval: interval(evidence, rule.alpha),
      ...(example !== undefined && { example }),
    })),
    ...(state.verdict && { verdict: state.verdict }),
  };
}
