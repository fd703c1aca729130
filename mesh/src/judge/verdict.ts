/** The judge's verdict, and the one sentence that says why. Pure: it only computes. */
import { type Evidence, interval, logEOfAll } from "./evidence.ts";
import { requestsToPromote } from "./power.ts";
import type { Finding } from "./resource-gates.ts";
import type { Gate, JudgeRule } from "./rule.ts";
import type { EndedEarly, Violation } from "./second-counts.ts";
import type { Counts } from "./window-factor.ts";

export type Reason =
  | "no-gate-fired"
  | "evidence"
  | "limit"
  | "invariant"
  | "no-traffic"
  | "too-little-traffic"
  | "load-not-reached"
  | "split-not-as-requested"
  | "time-over"
  | "aborted"
  | "failed";

export interface Verdict {
  readonly outcome: "promoted" | "rolled back" | "inconclusive";
  readonly reason: Reason;
  /** The gate or invariant that decided; the last to be sure of a promotion. */
  readonly gate?: string;
  readonly sentence: string;
  /** An order or a trace that shows it. */
  readonly example?: string;
  /** How many seconds it took. */
  readonly afterSeconds: number;
}

/** What the judge knows of a gate. */
export interface GateSeen {
  readonly gate: Gate;
  readonly evidence: Evidence;
  readonly example?: string;
}

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const FACTOR = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

export function rolledBack(rule: JudgeRule, seen: readonly GateSeen[], fired: GateSeen, afterSeconds: number): Verdict {
  const all = Math.exp(logEOfAll(seen.map(({ gate, evidence }) => ({ share: gate.share, evidence }))));
  const evidence = `evidence ${figure(all)} where ${figure(1 / rule.alpha)} is needed`;
  const { gate, example } = fired;
  const sentence = `Rolled back after ${afterSeconds} s by ${gate.name}: ${comparison(rule, fired)}; ${evidence}${forExample(example)}`;
  return { outcome: "rolled back", reason: "evidence", gate: gate.name, sentence, afterSeconds, ...shown(example) };
}

export function brokeInvariant(rule: JudgeRule, { invariant, example }: Violation, afterSeconds: number): Verdict {
  const meaning = rule.invariants[invariant] ?? "what must always hold";
  const sentence = `Rolled back after ${afterSeconds} s by ${invariant}: ${canaryOf(rule)} broke "${meaning}", and once is enough${forExample(example)}`;
  return { outcome: "rolled back", reason: "invariant", gate: invariant, sentence, example, afterSeconds };
}

export function beyondLimit(rule: JudgeRule, { gate, says }: Finding, afterSeconds: number): Verdict {
  const sentence = `Rolled back after ${afterSeconds} s by ${gate}: of ${canaryOf(rule)}, ${says}`;
  return { outcome: "rolled back", reason: "limit", gate, sentence, afterSeconds };
}

export function promoted(rule: JudgeRule, last: GateSeen, afterSeconds: number): Verdict {
  const { gate } = last;
  const others = rule.gates.filter(({ decides }) => decides).length - 1;
  const whole = others === 0 ? "the one gate" : `the last of ${others + 1} gates`;
  const sentence = `Promoted after ${afterSeconds} s: ${gate.name}, ${whole} to be sure, saw nothing ${FACTOR.format(gate.riskRatio)} times as bad: ${comparison(rule, last)}`;
  return { outcome: "promoted", reason: "no-gate-fired", gate: gate.name, sentence, afterSeconds };
}

export function splitNotAsRequested(rule: JudgeRule, asked: string, seen: string, afterSeconds: number): Verdict {
  const sentence = `Inconclusive after ${afterSeconds} s: the split of ${rule.service} is not as requested: stable, baseline and canary got ${seen} requests under the weights ${asked}; look for routes by header and for callers without a sidecar`;
  return { outcome: "inconclusive", reason: "split-not-as-requested", sentence, afterSeconds };
}

export function loadNotReached(late: number, afterSeconds: number): Verdict {
  const sentence = `Inconclusive after ${afterSeconds} s: the load was not reached: ${NUMBER.format(late)} requests had to wait for more than a second to be sent; ask for a lower rate`;
  return { outcome: "inconclusive", reason: "load-not-reached", sentence, afterSeconds };
}

export function endedEarly({ reason, why }: EndedEarly, afterSeconds: number): Verdict {
  return { outcome: "inconclusive", reason, sentence: `Inconclusive after ${afterSeconds} s: ${why}`, afterSeconds };
}

/** What is said at the deadline: which gate was least sure, and whether it had the traffic to be. */
export function timeOver(
  rule: JudgeRule,
  undecided: GateSeen | undefined,
  canaryRequests: number,
  afterSeconds: number,
): Verdict {
  const say = (reason: Reason, why: string): Verdict => {
    const sentence = `Inconclusive after ${afterSeconds} s: ${why}`;
    const gate = reason === "no-traffic" ? undefined : undecided?.gate.name;
    return { outcome: "inconclusive", reason, sentence, afterSeconds, ...(gate !== undefined && { gate }) };
  };
  if (canaryRequests === 0) return say("no-traffic", `no traffic reached ${canaryOf(rule)}`);
  if (!undecided) return say("time-over", "the time was over before the last step had what it asks for");
  const { gate, evidence } = undecided;
  const seen = evidence.baseline.total + evidence.canary.total;
  const needed = requestsNeeded(gate, evidence, rule.beta);
  if (seen < needed) {
    const amount = `${gate.name} saw ${NUMBER.format(seen)} ${gate.unit} of both versions and needs about ${NUMBER.format(needed)}`;
    return say("too-little-traffic", `too little traffic: ${amount}`);
  }
  return say("time-over", `the time was over while ${gate.name} was not sure: ${comparison(rule, undecided)}`);
}

/** By the failures that were seen, or the ceiling; a gate without either has seen nothing. */
function requestsNeeded({ riskRatio, ceiling }: Gate, { baseline }: Evidence, beta: number): number {
  const seen = baseline.total > 0 ? baseline.failed / baseline.total : 0;
  const rate = Math.max(seen, ceiling === undefined ? 0.001 : ceiling / 10);
  return requestsToPromote({ share: 0.5, rate, riskRatio }, beta);
}

function comparison(rule: JudgeRule, { gate, evidence }: GateSeen): string {
  const { canary, baseline } = evidence;
  const { from, to } = interval(evidence, rule.alpha);
  const sure = `${Math.round((1 - rule.alpha) * 100)} % interval`;
  const range =
    to === undefined
      ? from === 0
        ? "too few to bound the ratio"
        : `at least ${FACTOR.format(from)} times as much (${sure})`
      : `${FACTOR.format(from)} to ${FACTOR.format(to)} times as much (${sure})`;
  return `${gate.title} of ${canaryOf(rule)} are ${amount(gate, canary)} against ${amount(gate, baseline)} of its baseline ${rule.versions.stable}, ${range}`;
}

/** "21 of 1,000 requests (2.10 %)" */
function amount({ kind, unit }: Gate, { total, failed }: Counts): string {
  const rate = total === 0 ? 0 : failed / total;
  if (kind === "rate") return `${NUMBER.format(failed)} in ${NUMBER.format(total)} ${unit} (${rate.toFixed(2)} each)`;
  return `${NUMBER.format(failed)} of ${NUMBER.format(total)} ${unit} (${(rate * 100).toFixed(2)} %)`;
}

/** Evidence grows and falls by powers of ten: beyond six digits, or three below 1, it is said as one. */
export function figure(value: number): string {
  if (value > 0 && (value < 1e-3 || value >= 1e6)) return value.toExponential(1).replace("e+", "e");
  return value < 100 ? FACTOR.format(value) : NUMBER.format(value);
}

function canaryOf({ service, versions }: JudgeRule): string {
  return `${service} ${versions.canary}`;
}

function forExample(example: string | undefined): string {
  return example === undefined ? "" : `; for example ${example}`;
}

function shown(example: string | undefined): { readonly example?: string } {
  return example === undefined ? {} : { example };
}
