/** How the instances of a version started: until they were ready, and their first calls. Pure: it only computes. */
import type { Observed } from "@row/mesh/experiments/run/observation.ts";
import type { StartTimes } from "@row/mesh/judge/second-counts.ts";
import type { FirstCalls } from "@row/mesh/observer/watch.ts";

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
    const [ready, first] = [meanOf(instances, readyMs), meanOf(instances, medianMs)];
    return ready === undefined || first === undefined ? undefined : { readyMs: ready, firstCallsMs: first };
  };
  const [one, other] = [of(baseline), of(canary)];
  return one && other && { baseline: one, canary: other };
}

function meanOf(instances: readonly string[], values: ReadonlyMap<string, number>): number | undefined {
  const known = instances.map((instance) => values.get(instance));
  if (known.length === 0 || known.includes(undefined)) return undefined;
  return known.reduce<number>((sum, value) => sum + (value ?? 0), 0) / known.length;
}
