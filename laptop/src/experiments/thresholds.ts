/** The durations that latency gates compare with: what stable took before, or what the experiment says. */
import type { Arms, Thresholds } from "@row/mesh/experiments/run/observation.ts";
import type { JudgeRule } from "@row/mesh/judge/rule.ts";
import { boundOf } from "@row/mesh/observer/latency-buckets.ts";
import type { Quantiles } from "@row/mesh/observer/stat.ts";
import { durationMs } from "@row/mesh/resources/duration.ts";
import { RowError } from "@row/topology/row-error.ts";
import { askObserver } from "../sidecars/observer-client.ts";
import { thresholdGates } from "./request-counts.ts";

const DEADLINE_MS = 5_000;
const PREFIX = "latency-";

export async function measuredThresholds(
  observer: string,
  { service, stable }: Arms,
  rule: JudgeRule,
  windowSeconds: number,
): Promise<Thresholds> {
  const names = thresholdGates(rule);
  const quantiles = names.filter((name) => shareOf(name) !== undefined);
  const fixed = names.filter((name) => shareOf(name) === undefined).map((name) => [name, fixedMs(name)] as const);
  if (quantiles.length === 0) return Object.fromEntries(fixed);
  const query = new URLSearchParams([
    ["backend", `${service}-${stable}`],
    ["window", String(windowSeconds)],
    ...quantiles.map((name) => ["share", String(shareOf(name))]),
  ]);
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const { boundsUs } = await askObserver<Quantiles>(observer, `/quantiles?${query}`, { signal });
  if (boundsUs.length < quantiles.length) {
    throw new RowError(
      `Cannot measure how long ${service} ${stable} takes: it had no requests in the last ${windowSeconds} s`,
    );
  }
  const measured = quantiles.map((name, index) => [name, (boundsUs[index] ?? 0) / 1_000] as const);
  return Object.fromEntries([...fixed, ...measured]);
}

/** 0.999 of "latency-p99.9". */
function shareOf(name: string): number | undefined {
  const [, percent, tenths = ""] = /^latency-p(\d\d)(?:\.(\d))?$/.exec(name) ?? [];
  return percent === undefined ? undefined : Number(`0.${percent}${tenths}`);
}

function fixedMs(name: string): number {
  const ms = durationMs(name.slice(PREFIX.length));
  if (ms === undefined) throw new RowError(`Cannot measure ${name}: it is neither a quantile nor a duration`);
  return boundOf(ms * 1_000) / 1_000;
}
