/** How the instances of a version started: until they were ready, and their first calls. Pure: it only computes. */
import type { Observed } from "@row/mesh/experiments/run/observation.ts";
import type { StartTimes } from "@row/mesh/judge/second-counts.ts";
import type { FirstCalls } from "@row/mesh/observer/watch.ts";
import { meanOf } from "./mean.ts";

/** The instances that were started for a run, by name. */
export interface Started {
  readonly baseline: readonly string[];
  readonly canary: readonly string[];
}

/** Of both versions, or undefined until all is known: the mean over the instances of each. @param readyMs by instance */
export function startTimes(
  { baseline, canary }: Started,
  readyMs: ReadonlyMap<string, number>,
  firstCalls: readonly FirstCalls[],
): Observed["start"] {
  const medianMs = new Map(firstCalls.map(({ instance, medianUs }) => [instance, medianUs / 1_000]));
  const of = (instances: readonly string[]): StartTimes | undefined => {
    const [ready, first] = [readyMs, medianMs].map((values) => meanOf(instances.map((one) => values.get(one))));
    return ready === undefined || first === undefined ? undefined : { readyMs: ready, firstCallsMs: first };
  };
  const [one, other] = [of(baseline), of(canary)];
  return one && other && { baseline: one, canary: other };
}
