/** How the campaign of experiments tells a run that is as it must be from one that is not. */
import assert from "node:assert/strict";
import { test } from "vitest";
import { CAMPAIGN, type Planned } from "./plan.ts";
import { type KeptRun, summed } from "./run-record.ts";

const planned: Planned = {
  name: "errors",
  experiment: "errors",
  runs: 3,
  expected: { outcome: "rolled back", because: "failures" },
};
const run: KeptRun = {
  name: "errors",
  seed: 1,
  startedTime: "2026-11-30T09:00:00Z",
  outcome: "rolled back",
  reason: "evidence",
  gate: "failures",
  sentence: "Rolled back",
  secondsToVerdict: 10,
  canaryRequests: 200,
};
const isFine = (runs: KeptRun[], plan = planned) => summed(runs, [plan])[0]?.isFine;

test("a run that another gate rolls back is not fine", () => {
  assert.equal(isFine([run, run]), true);
  assert.equal(isFine([run, { ...run, gate: "latency-p50" }]), false);
});

test("a run that leaves something behind is not fine, whatever its verdict", () => {
  assert.equal(isFine([{ ...run, trouble: "v2 runs still" }]), false);
});

test("of equal versions two may be rolled back, and any number undecided", () => {
  const equal: Planned = { ...planned, expected: { outcome: "promoted", mostOthers: 20 } };
  const undecided: KeptRun = { ...run, outcome: "inconclusive", reason: "time-over" };
  assert.equal(isFine([run, run, undecided], equal), true);
  assert.equal(isFine([run, run, run], equal), false);
});

test("what is inconclusive must be so for its reason", () => {
  const none: Planned = { ...planned, expected: { outcome: "inconclusive", because: "no-traffic" } };
  const inconclusive: KeptRun = { ...run, outcome: "inconclusive", reason: "no-traffic" };
  assert.equal(isFine([inconclusive], none), true);
  assert.equal(isFine([{ ...inconclusive, reason: "time-over" }], none), false);
});

test("each thing that is run has a name of its own", () => {
  assert.equal(new Set(CAMPAIGN.map(({ name }) => name)).size, CAMPAIGN.length);
});
