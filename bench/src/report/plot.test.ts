import assert from "node:assert/strict";
import { test } from "vitest";
import type { Summary } from "../measure/round.ts";
import { plot } from "./plot.ts";

function summary(perSecond: number, rounds: number[]): Summary {
  return { requests: 1, perSecond, p50: 1, p99: 1, errors: {}, processes: {}, cpuPerThousand: 1, rounds };
}

test("draws a bar for each median, the highest round at the right end, and a dot for each round", () => {
  const svg = plot({
    machine: { cores: 2, node: "v26" },
    reading: { tutorial: summary(1_000, [900, 1_000]), shop: summary(2_000, [2_000]), meshed: summary(500, []) },
    ordering: { tutorial: summary(400, []), accepted: summary(300, []), confirmed: summary(100, []) },
  });
  const bars = [...svg.matchAll(/<rect x="170" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
  assert.deepEqual(bars, [250, 500, 125, 500, 375, 125]);
  assert.equal(svg.match(/<circle/g)?.length, 3);
  assert.match(svg, />2,000<\/text>/);
});
