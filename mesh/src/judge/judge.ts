/** The judge of a canary: second by second, from counts to a verdict that holds however often one looks. Pure: it only computes. */

import { ARMS, added, type ByArm, inOrder, NO_REQUESTS, total } from "./arms.ts";
import { deltasOf, type Evidence, logE, logEOfAll, logPromotion, noEvidence, withWindows } from "./evidence.ts";
import {
  cpuFinding,
  type Finding,
  memoryFinding,
  NO_RESOURCES,
  type Resources,
  startFinding,
  withResources,
} from "./resource-gates.ts";
import type { JudgeRule, Step } from "./rule.ts";
import type { SecondCounts } from "./second-counts.ts";
import { logSplitOdds, SPLIT_LIMIT } from "./split-test.ts";
import {
  beyondLimit,
  brokeInvariant,
  endedEarly,
  type GateSeen,
  loadNotReached,
  promoted,
  rolledBack,
  splitNotAsRequested,
  timeOver,
  type Verdict,
} from "./verdict.ts";

export interface JudgeState {
  /** How many seconds have passed. */
  readonly seconds: number;
  readonly evidence: Readonly<Record<string, Evidence>>;
  /** ln Ē over all gates. */
  readonly logE: number;
  /** The highest that ln Ē has been. */
  readonly highestLogE: number;
  readonly step: {
    readonly index: number;
    readonly seconds: number;
    /** Since the weights took effect. */
    readonly requests: ByArm;
  };
  /** ln O of the split, of the steps before this one. */
  readonly splitBefore: number;
  /** All requests of the canary. */
  readonly canaryRequests: number;
  readonly resources: Resources;
  /** By gate, the first that was seen. */
  readonly examples: Readonly<Record<string, string>>;
  /** The first there was; nothing changes after it. */
  readonly verdict?: Verdict;
}

/** What may go where a weight of 0 sends nothing: calls that were under way. */
const STRAY_SHARE = 0.01;
const STRAYS = 10;

export function newJudge({ gates }: JudgeRule): JudgeState {
  return {
    seconds: 0,
    evidence: Object.fromEntries(gates.map((gate) => [gate.name, noEvidence(deltasOf(gate))])),
    logE: 0,
    highestLogE: 0,
    step: { index: 0, seconds: 0, requests: NO_REQUESTS },
    splitBefore: 0,
    canaryRequests: 0,
    resources: NO_RESOURCES,
    examples: {},
  };
}

/** The state after one more second. Throws for counts that cannot be. */
export function feed(rule: JudgeRule, state: JudgeState, counts: SecondCounts): JudgeState {
  if (state.verdict) return state;
  if (counts.second < state.seconds) {
    throw new RangeError(`Cannot judge second ${counts.second}: the judge has seen ${state.seconds} already`);
  }
  const next = withCounts(rule, state, counts);
  const verdict = verdictOn(rule, next, counts);
  return verdict ? { ...next, verdict } : next;
}

/** The step whose weights should be in force: the next one as soon as this one has had its time and its requests. */
export function stepDue({ steps }: JudgeRule, { step }: JudgeState): number {
  const last = steps.length - 1;
  return step.index < last && hasEnough(steps[step.index], step) ? step.index + 1 : step.index;
}

function hasEnough(step: Step | undefined, { seconds, requests }: JudgeState["step"]): boolean {
  return step !== undefined && seconds >= step.minSeconds && requests.canary >= step.minRequests;
}

function withCounts(rule: JudgeRule, state: JudgeState, counts: SecondCounts): JudgeState {
  const isWarm = counts.second >= rule.warmUpSeconds;
  const evidence = isWarm ? withMetrics(rule, state.evidence, counts) : state.evidence;
  const isNewStep = counts.step !== state.step.index;
  // In the second in which weights change, and while versions warm up, requests follow no one weight.
  const isSettled = isWarm && !isNewStep;
  const before = isNewStep ? { index: counts.step, seconds: 0, requests: NO_REQUESTS } : state.step;
  const logE = overall(gatesSeen(rule, { evidence, examples: state.examples }));
  return {
    seconds: counts.second + 1,
    evidence,
    logE,
    highestLogE: Math.max(state.highestLogE, logE),
    step: {
      index: counts.step,
      seconds: before.seconds + (isWarm ? 1 : 0),
      requests: isSettled ? added(before.requests, counts.requests) : before.requests,
    },
    splitBefore: isNewStep ? splitOdds(rule, state) : state.splitBefore,
    canaryRequests: state.canaryRequests + counts.requests.canary,
    resources: withResources(state.resources, counts, isWarm),
    examples: { ...counts.examples, ...state.examples },
  };
}

function withMetrics({ gates }: JudgeRule, before: JudgeState["evidence"], { metrics }: SecondCounts) {
  const changed = gates.flatMap((gate) => {
    const windows = metrics[gate.name] ?? [];
    const deltas = deltasOf(gate);
    const evidence = before[gate.name] ?? noEvidence(deltas);
    return windows.length > 0 ? [[gate.name, withWindows(evidence, windows, gate, deltas)] as const] : [];
  });
  return { ...before, ...Object.fromEntries(changed) };
}

function verdictOn(rule: JudgeRule, state: JudgeState, counts: SecondCounts): Verdict | undefined {
  const { seconds, step } = state;
  const [violation] = counts.violations ?? [];
  if (violation) return brokeInvariant(rule, violation, seconds);

  const seen = gatesSeen(rule, state);
  if (state.logE >= -Math.log(rule.alpha)) {
    const fired = firedOf(rule, seen);
    if (fired) return rolledBack(rule, seen, fired, seconds);
  }

  const finding = resourceFinding(rule, state.resources);
  if (finding) return beyondLimit(rule, finding, seconds);
  if (counts.ended) return endedEarly(counts.ended, seconds);

  if (splitOdds(rule, state) >= SPLIT_LIMIT || hasStrays(rule.steps[step.index], step.requests)) {
    const asked = inOrder(rule.steps[step.index]?.weights ?? NO_REQUESTS);
    return splitNotAsRequested(rule, asked, inOrder(step.requests), seconds);
  }
  const late = counts.second >= rule.warmUpSeconds ? (counts.lateArrivals ?? 0) : 0;
  if (late > 0) return loadNotReached(late, seconds);

  const deciding = seen.filter(({ gate }) => gate.decides);
  const [leastSure] = sortedBy(deciding, ({ gate, evidence }) => logPromotion(evidence, gate));
  const isSure = leastSure !== undefined && logPromotion(leastSure.evidence, leastSure.gate) >= -Math.log(rule.beta);
  const isLastStep = step.index === rule.steps.length - 1 && hasEnough(rule.steps[step.index], step);
  if (isSure && isLastStep) return promoted(rule, leastSure, seconds);

  if (seconds < rule.longestSeconds) return undefined;
  return timeOver(rule, isSure ? undefined : leastSure, state.canaryRequests, seconds);
}

/**
 * The gate to name: the first in the rule's order that would have been enough alone, or else the one that has most. A canary that is
 * slow throughout is slow at the median, however much more surprising its 99th percentile is.
 */
function firedOf({ alpha }: JudgeRule, seen: readonly GateSeen[]): GateSeen | undefined {
  const first = seen.find(({ evidence }) => logE(evidence) >= -Math.log(alpha));
  return first ?? sortedBy(seen, ({ gate, evidence }) => -Math.log(gate.share) - logE(evidence))[0];
}

/** Each gate with its evidence and example so far. */
export function gatesSeen(
  { gates }: JudgeRule,
  { evidence, examples }: Pick<JudgeState, "evidence" | "examples">,
): GateSeen[] {
  return gates.map((gate) => {
    const example = examples[gate.name];
    const known = evidence[gate.name] ?? noEvidence(deltasOf(gate));
    return { gate, evidence: known, ...(example !== undefined && { example }) };
  });
}

/** ln Ē. Without gates there is no evidence. */
function overall(seen: readonly GateSeen[]): number {
  return seen.length > 0 ? logEOfAll(seen.map(({ gate, evidence }) => ({ share: gate.share, evidence }))) : 0;
}

function resourceFinding({ memory, cpu, start }: JudgeRule, resources: Resources): Finding | undefined {
  return (
    (start && startFinding(resources, start)) ??
    (cpu && cpuFinding(resources, cpu)) ??
    (memory && memoryFinding(resources, memory))
  );
}

/** ln O so far: the product of the steps' odds, each under its own weights. */
export function splitOdds({ steps }: JudgeRule, { step, splitBefore }: JudgeState): number {
  const weights = steps[step.index]?.weights;
  if (!weights) return splitBefore;
  const { stable, baseline, canary } = step.requests;
  return splitBefore + logSplitOdds([weights.stable, weights.baseline, weights.canary], [stable, baseline, canary]);
}

function hasStrays(step: Step | undefined, requests: ByArm): boolean {
  if (!step) return false;
  const strays = ARMS.reduce((sum, arm) => sum + (step.weights[arm] > 0 ? 0 : requests[arm]), 0);
  return strays >= STRAYS && strays > total(requests) * STRAY_SHARE;
}

function sortedBy<Item>(items: readonly Item[], weigh: (item: Item) => number): Item[] {
  return [...items].sort((a, b) => weigh(a) - weigh(b));
}
