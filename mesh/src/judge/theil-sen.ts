/** The slope of a line through points some of which are outliers. Pure: it only computes. */

import { median } from "./median.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The median of the slopes between all pairs of points (Theil and Sen); undefined below two points with different x. */
export function slopeOf(points: readonly Point[]): number | undefined {
  const slopes: number[] = [];
  for (const [index, one] of points.entries()) {
    for (const other of points.slice(index + 1)) {
      if (other.x !== one.x) slopes.push((other.y - one.y) / (other.x - one.x));
    }
  }
  return slopes.length > 0 ? median(slopes) : undefined;
}
