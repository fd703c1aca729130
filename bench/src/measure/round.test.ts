import assert from "node:assert/strict";
import { test } from "vitest";
import { type Round, summarise } from "./round.ts";

function round(perSecond: number, cpuSeconds: number): Round {
  return {
    requests: 2_000,
    perSecond,
    p50: 1,
    p99: 2,
    errors: { "HTTP 503": 1 },
    processes: {
      edge: { cpuSeconds, peakPssMegabytes: perSecond },
      "load generator": { cpuSeconds: 50, peakPssMegabytes: 1 },
    },
  };
}

test("takes the middle round, all errors, the highest memory, and leaves the generator's CPU out of the sum", () => {
  const summary = summarise([round(100, 4), round(300, 2), round(200, 6)], "load generator");
  assert.equal(summary.perSecond, 200);
  assert.deepEqual(summary.errors, { "HTTP 503": 3 });
  assert.equal(summary.processes.edge?.peakPssMegabytes, 300);
  assert.equal(summary.cpuPerThousand, 2);
});
