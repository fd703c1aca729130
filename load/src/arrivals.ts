/** When requests are due, fixed before the first of them is sent. Pure: the seed says all of it. */
import { SeededRandom } from "./seeded-random.ts";

/** "poisson": as many people who know nothing of each other come; "uniform": one like another. */
export type Spacing = "poisson" | "uniform";

export interface Schedule {
  readonly perSecond: number;
  readonly seconds: number;
  readonly spacing: Spacing;
  readonly seed: number;
}

/** Milliseconds from the start, in order. */
export function* arrivals({ perSecond, seconds, spacing, seed }: Schedule): Generator<number> {
  const random = new SeededRandom(seed);
  const end = seconds * 1_000;
  const meanGap = 1_000 / perSecond;
  if (spacing === "uniform") {
    // Multiplied, since a sum of gaps drifts.
    for (let number = 0; number * meanGap < end; number += 1) yield number * meanGap;
    return;
  }
  for (let due = exponential(random, meanGap); due < end; due += exponential(random, meanGap)) yield due;
}

function exponential(random: SeededRandom, mean: number): number {
  return -Math.log(1 - random.next()) * mean;
}
