/** What two readings of the observer's counts make of the time between them, for the judge. Pure: it only computes. */
import type { Arms, Observed, Thresholds } from "@row/mesh/experiments/run/observation.ts";
import type { Gate, JudgeRule } from "@row/mesh/judge/rule.ts";
import type { Stratum } from "@row/mesh/judge/second-counts.ts";
import type { Counts } from "@row/mesh/judge/window-factor.ts";
import type { StratumCounts, WatchCounts } from "@row/mesh/observer/watch.ts";

export type RequestCounts = Pick<Observed, "requests" | "metrics" | "examples">;
type Reading = Pick<WatchCounts, "strata" | "calls">;

export const NOTHING_READ: Reading = { strata: [], calls: [] };
/** Which call of a version belongs to which of its requests is not known, so all of them are compared together. */
const ALL = "all";

/** The latency gates' thresholds, in the order in which the observer counts them. */
export function thresholdGates({ gates }: JudgeRule): string[] {
  return gates.map(({ name }) => name).filter((name) => name.startsWith("latency-"));
}

export function requestCounts(
  { arms, rule }: { readonly arms: Arms; readonly rule: JudgeRule },
  before: Reading,
  after: Reading,
): RequestCounts {
  const strata = increments(before, after);
  const of = (version: string) => strata.filter(({ backend }) => backend === `${arms.service}-${version}`);
  const requestsTo = (version: string) => sum(of(version), ({ requests }) => requests);
  const requests = {
    stable: requestsTo(arms.stable),
    baseline: requestsTo(arms.baseline),
    canary: requestsTo(arms.canary),
  };
  const slots = thresholdGates(rule);
  const metrics: Record<string, readonly Stratum[]> = {};
  const examples: Record<string, string> = {};
  for (const gate of rule.gates) {
    if (gate.name === "calls") {
      const made = (version: string) => callsOf(after, version) - callsOf(before, version);
      const counts = (version: string, total: number) => ({ total, failed: made(version) });
      const baseline = counts(arms.baseline, requests.baseline);
      metrics.calls = [{ stratum: ALL, baseline, canary: counts(arms.canary, requests.canary) }];
      continue;
    }
    const slot = slots.indexOf(gate.name);
    if (slot < 0 && gate.name !== "failures") continue;
    const failedIn = (one: StratumCounts) => (slot < 0 ? one.failed : (one.slow[slot] ?? 0));
    const traceIn = (one: StratumCounts) => (slot < 0 ? one.failedTrace : (one.slowTraces[slot] ?? ""));
    metrics[gate.name] = compared(gate, of(arms.baseline), of(arms.canary), failedIn);
    const [shown] = of(arms.canary).filter((one) => counts(gate, one) && failedIn(one) > 0 && traceIn(one) !== "");
    if (shown) examples[gate.name] = `trace ${traceIn(shown)}`;
  }
  return { requests, metrics, examples };
}

/** "latency-p50" → its bound in µs, in the order of the gates. */
export function thresholdsInUs(rule: JudgeRule, thresholds: Thresholds): number[] {
  return thresholdGates(rule).map((name) => Math.round((thresholds[name] ?? Number.NaN) * 1_000));
}

/** Like with like: a window for each method and caller that either version was called by. */
function compared(
  gate: Gate,
  baseline: readonly StratumCounts[],
  canary: readonly StratumCounts[],
  failedIn: (one: StratumCounts) => number,
): Stratum[] {
  const wanted = [...baseline, ...canary].filter((one) => counts(gate, one));
  const countsIn = (all: readonly StratumCounts[], stratum: string): Counts => {
    const mine = all.filter((one) => nameOf(one) === stratum);
    return { total: sum(mine, ({ attempts }) => attempts), failed: sum(mine, failedIn) };
  };
  return [...new Set(wanted.map(nameOf))].map((stratum) => ({
    stratum,
    baseline: countsIn(baseline, stratum),
    canary: countsIn(canary, stratum),
  }));
}

function counts({ methods }: Gate, { method }: StratumCounts): boolean {
  return methods === undefined || methods.includes(method);
}

function nameOf({ method, caller }: StratumCounts): string {
  return `${method} ${caller}`;
}

function callsOf({ calls }: Reading, version: string): number {
  return calls.find((one) => one.version === version)?.calls ?? 0;
}

/** What came between two readings; strata in which nothing did are left out. */
function increments(before: Reading, after: Reading): StratumCounts[] {
  const keyOf = (one: StratumCounts) => `${nameOf(one)} ${one.backend}`;
  const earlier = new Map(before.strata.map((one) => [keyOf(one), one]));
  return after.strata
    .map((one) => {
      const was = earlier.get(keyOf(one));
      if (!was) return one;
      return {
        ...one,
        requests: one.requests - was.requests,
        attempts: one.attempts - was.attempts,
        failed: one.failed - was.failed,
        slow: one.slow.map((slow, index) => slow - (was.slow[index] ?? 0)),
      };
    })
    .filter(({ requests }) => requests > 0);
}

function sum<Item>(items: readonly Item[], pick: (item: Item) => number): number {
  return items.reduce((all, item) => all + pick(item), 0);
}
