/** The test of the split, by the vectors of its formula: Lindon and Malek (arXiv 2011.03567). */
import assert from "node:assert/strict";
import { test } from "vitest";
import { logSplitOdds, SPLIT_LIMIT } from "./split-test.ts";

test("counts that miss the weights give the odds of the multinomial test", () => {
  const cases = [
    { weights: [0.8, 0.2], requests: [116, 52], odds: 1 / 0.0467527037 },
    { weights: [0.9, 0.1], requests: [90, 20], odds: 4.004939 },
    { weights: [90, 10], requests: [45, 15], odds: 7.49029 },
  ];
  for (const { weights, requests, odds } of cases) {
    const found = Math.exp(logSplitOdds(weights, requests));
    assert.ok(Math.abs(found - odds) < 1e-5 * odds, `${found} is not ${odds}`);
  }
});

test("no requests say nothing, and those that follow the weights speak for them", () => {
  assert.equal(Math.abs(logSplitOdds([80, 10, 10], [0, 0, 0])) < 1e-9, true);
  assert.ok(logSplitOdds([80, 10, 10], [80_000, 10_000, 10_000]) < 0);
});

test("a version whose weight is 0 takes no part", () => {
  assert.equal(logSplitOdds([0, 50, 50], [0, 500, 480]), logSplitOdds([50, 50], [500, 480]));
});

test("callers that go by another route are noticed", () => {
  assert.ok(logSplitOdds([80, 10, 10], [900, 50, 50]) > SPLIT_LIMIT);
});
