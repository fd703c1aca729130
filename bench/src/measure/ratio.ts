import { median } from "./quantile.ts";

/** How many times as much, by round: the middle, and between which the rounds lie. */
export interface Ratio {
  median: number;
  lowest: number;
  highest: number;
}

/** Compares what was measured in the same round, so that what slows a whole round cancels out. */
export function ratioOf(rounds: readonly number[], base: readonly number[]): Ratio {
  const ratios = rounds.map((value, round) => value / (base[round] || Number.NaN)).filter(Number.isFinite);
  return { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) };
}
