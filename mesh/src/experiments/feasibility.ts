/** Whether an experiment's traffic can lead to a verdict in its time. Pure: it only computes. */
import { total } from "../judge/arms.ts";
import { requestsBelowCeiling, requestsToPromote, requestsToRollBack } from "../judge/power.ts";
import type { Gate, JudgeRule } from "../judge/rule.ts";
import type { Load } from "./experiment.ts";

/** What was measured of stable before: the share of failures, by gate. */
export type MeasuredRates = Readonly<Record<string, number>>;

/** Why a verdict cannot be reached, and what would reach it. */
export interface Shortage {
  readonly state: string;
  readonly advice: string;
}

const NUMBER = new Intl.NumberFormat("en");
/** Of the requests of a mix, those that place an order. */
export const ORDERS: Readonly<Record<Load["mix"], number>> = { read: 0, mixed: 0.05, order: 0.8 };
/** The baseline has the canary's size. */
const SHARE = 0.5;

/** Whether a gate can roll back the harm that it looks for, and promote a canary that is equal. All the load is taken to be the service's. */
export function shortageOf(gate: Gate, rule: JudgeRule, load: Load, measured: MeasuredRates): Shortage | undefined {
  if (gate.unit === "events") return undefined;
  const perSecond = load.rate * (gate.unit === "orders" ? ORDERS[load.mix] : 1);
  const seen = Math.floor(perSecond * comparedSeconds(rule));
  const rate = baseRate(gate, measured);
  const { riskRatio } = gate;
  const harm = requestsToRollBack({ share: SHARE, rate, riskRatio }, { alpha: rule.alpha, gateShare: gate.share });
  const needed = gate.decides ? Math.max(harm, toPromote(gate, rate, rule.beta)) : harm;
  if (seen >= needed) return undefined;
  const what =
    needed === harm ? `to roll back ${percent(rate)} → ${percent(rate * riskRatio)}` : "to promote a good canary";
  const units = gate.kind === "rate" || gate.unit === "requests" ? "requests" : gate.unit;
  return {
    state: `${gate.name} takes about ${NUMBER.format(needed)} ${units} of baseline and canary ${what}, and ${NUMBER.format(seen)} come in ${rule.longestSeconds} s`,
    advice: `raise load.rate, the weights or longestTime${needed > 0 && seen > 0 ? ` (${Math.ceil(needed / seen)} times as much in all)` : ""}, or look for a larger riskRatio`,
  };
}

function toPromote({ riskRatio, ceiling }: Gate, rate: number, beta: number): number {
  const byRatio = requestsToPromote({ share: SHARE, rate, riskRatio }, beta);
  return ceiling === undefined ? byRatio : Math.min(byRatio, 2 * requestsBelowCeiling(ceiling, beta));
}

/** As measured; otherwise what the gate is about: a quantile of stable's, or a doubling that ends at the ceiling. */
function baseRate({ name, kind, clump, riskRatio, ceiling }: Gate, measured: MeasuredRates): number {
  const known = measured[name];
  if (known !== undefined && known > 0) return known;
  if (kind === "rate") return 1 / (clump ?? 1);
  const [, quantile] = /^latency-p(\d\d(?:\.\d+)?)$/.exec(name) ?? [];
  if (quantile !== undefined) return 1 - Number(quantile) / 100;
  return (ceiling ?? 0.01) / riskRatio;
}

/** The seconds in which all load would have to go to baseline and canary for as many requests as they get by the weights. */
function comparedSeconds({ steps, longestSeconds, warmUpSeconds }: JudgeRule): number {
  let left = longestSeconds - warmUpSeconds;
  let seconds = 0;
  for (const [index, { weights, minSeconds }] of steps.entries()) {
    const isLast = index === steps.length - 1;
    const lasts = isLast ? left : Math.min(minSeconds, left);
    seconds += (lasts * (weights.baseline + weights.canary)) / total(weights);
    left -= lasts;
  }
  return seconds;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
