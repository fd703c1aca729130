import assert from "node:assert/strict";
import { test } from "vitest";
import { startTimes } from "./start-times.ts";

const started = { baseline: ["catalog-v1-baseline-1"], canary: ["catalog-v2-1", "catalog-v2-2"] };
const readyMs = new Map([
  ["catalog-v1-baseline-1", 900],
  ["catalog-v2-1", 1_000],
  ["catalog-v2-2", 3_000],
]);
const first = (instance: string, medianUs: number) => ({ instance, medianUs });

test("start times are the mean of a version's instances", () => {
  const calls = [first("catalog-v1-baseline-1", 1_500), first("catalog-v2-1", 2_000), first("catalog-v2-2", 4_000)];
  assert.deepEqual(startTimes(started, readyMs, calls), {
    baseline: { readyMs: 900, firstCallsMs: 1.5 },
    canary: { readyMs: 2_000, firstCallsMs: 3 },
  });
});

test("nothing is told until every instance had its first calls", () => {
  const calls = [first("catalog-v1-baseline-1", 1_500), first("catalog-v2-1", 2_000)];
  assert.equal(startTimes(started, readyMs, calls), undefined);
});
