/** What an experiment's traffic can show, by the formulas of its evidence's growth. */
import assert from "node:assert/strict";
import { FAILURES, RULE as USUAL } from "@row/tests/harness/judge-rule.ts";
import { test } from "vitest";
import { MIXES as LOAD_MIXES, shareOf } from "../../../load/src/mixes.ts";
import { requestsBelowCeiling, requestsToPromote, requestsToRollBack } from "../judge/power.ts";
import type { JudgeRule } from "../judge/rule.ts";
import { MIXES } from "./experiment.ts";
import { ORDERS, shortageOf } from "./feasibility.ts";

const RULE: JudgeRule = { ...USUAL, warmUpSeconds: 10, longestSeconds: 300 };
const READ = { mix: "read", rate: 200 } as const;

test("a doubled rate of 1 % is promoted against after 11,500 requests at a share of 10 %, and 5,100 at half", () => {
  assert.equal(Math.round(requestsToPromote({ share: 0.1, rate: 0.01, riskRatio: 2 }, 0.05) / 100), 115);
  assert.equal(Math.round(requestsToPromote({ share: 0.5, rate: 0.01, riskRatio: 2 }, 0.05) / 100), 51);
});

test("a ceiling of 1 % takes 405 requests without a failure", () => {
  assert.equal(requestsBelowCeiling(0.01, 0.05), 405);
});

test("a smaller share of alpha, a smaller harm and a rarer failure each take more requests to roll back", () => {
  const base = { share: 0.5, rate: 0.01, riskRatio: 2 };
  const needs = (comparison: typeof base, gateShare = 1) => requestsToRollBack(comparison, { alpha: 0.05, gateShare });
  assert.ok(needs(base, 0.2) > needs(base));
  assert.ok(needs({ ...base, riskRatio: 1.5 }) > needs(base));
  assert.ok(needs({ ...base, rate: 0.001 }) > 9 * needs(base));
});

test("the traffic of baseline and canary counts, after the warm-up, and each step by its own weights", () => {
  const short = { ...RULE, longestSeconds: 110 };
  assert.match(shortageOf(FAILURES, short, READ, {})?.state ?? "", /and 4,000 come in 110 s$/);
  const steps = [
    { weights: { stable: 80, baseline: 10, canary: 10 }, minRequests: 0, minSeconds: 50 },
    { weights: { stable: 0, baseline: 50, canary: 50 }, minRequests: 0, minSeconds: 0 },
  ];
  assert.match(
    shortageOf({ ...FAILURES, ceiling: 0.0001 }, { ...short, steps }, READ, {})?.state ?? "",
    /and 12,000 come/,
  );
});

test("what was measured of stable is taken instead of half the ceiling", () => {
  assert.match(shortageOf(FAILURES, RULE, { ...READ, rate: 10 }, {})?.state ?? "", /roll back 0\.5 % → 1 %/);
  assert.match(shortageOf(FAILURES, RULE, { ...READ, rate: 10 }, { failures: 0.02 })?.state ?? "", /2 % → 4 %/);
});

test("a gate that only rolls back is not held to what promotion takes", () => {
  const { ceiling: _, ...withoutCeiling } = { ...FAILURES, name: "latency-p99", riskRatio: 30 };
  const promoted = requestsToPromote({ share: 0.5, rate: 0.01, riskRatio: 30 }, 0.05);
  const harmed = requestsToRollBack({ share: 0.5, rate: 0.01, riskRatio: 30 }, { alpha: 0.05, gateShare: 1 });
  assert.ok(promoted > harmed, `${promoted} to promote, ${harmed} to roll back`);
  const between = { ...READ, rate: Math.ceil((promoted + harmed) / 2 / (290 * 0.2)) };
  assert.match(shortageOf(withoutCeiling, RULE, between, {})?.state ?? "", /to promote a good canary/);
  assert.equal(shortageOf({ ...withoutCeiling, decides: false }, RULE, between, {}), undefined);
});

test("orders come as often as the load places them", () => {
  assert.deepEqual([...MIXES].sort(), Object.keys(LOAD_MIXES).sort());
  for (const mix of MIXES) assert.ok(Math.abs(ORDERS[mix] - shareOf(mix, "place order")) < 1e-9, mix);
});
