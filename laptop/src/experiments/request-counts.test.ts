import assert from "node:assert/strict";
import type { Gate, JudgeRule } from "@row/mesh/judge/rule.ts";
import type { StratumCounts } from "@row/mesh/observer/watch.ts";
import { test } from "vitest";
import { NOTHING_READ, requestCounts, thresholdsInUs } from "./request-counts.ts";

const arms = { service: "catalog", stable: "v1", baseline: "v1-baseline", canary: "v2" };

function gate(name: string, more: Partial<Gate> = {}): Gate {
  const kind = name === "calls" ? "rate" : "proportion";
  return { name, title: name, unit: "requests", kind, share: 1, riskRatio: 2, decides: true, ...more };
}

function ruleOf(...gates: Gate[]): JudgeRule {
  const times = { warmUpSeconds: 0, longestSeconds: 60 };
  const versions = { stable: "v1", canary: "v2" };
  return { service: "catalog", versions, alpha: 0.05, beta: 0.05, steps: [], ...times, gates, invariants: {} };
}

function stratum(version: string, counts: Partial<StratumCounts>): StratumCounts {
  const none = { requests: 0, failed: 0, slow: [], failedTrace: "", slowTraces: [] };
  const attempts = counts.requests ?? 0;
  return { method: "GetProduct", caller: "edge", backend: `catalog-${version}`, attempts, ...none, ...counts };
}

test("what was counted between two readings goes to the version that was called, by method and caller", () => {
  const rule = ruleOf(gate("failures"));
  const before = { strata: [stratum("v2", { requests: 10, failed: 2 })], calls: [] };
  const after = {
    strata: [
      stratum("v2", { requests: 15, failed: 3 }),
      stratum("v1-baseline", { requests: 4 }),
      stratum("v1-baseline", { requests: 1, failed: 1, method: "ListProducts" }),
      stratum("v1", { requests: 100, failed: 7 }),
    ],
    calls: [],
  };
  const { requests, metrics } = requestCounts({ arms, rule }, before, after);
  assert.deepEqual(requests, { stable: 100, baseline: 5, canary: 5 });
  assert.deepEqual(metrics.failures, [
    { stratum: "GetProduct edge", baseline: { total: 4, failed: 0 }, canary: { total: 5, failed: 1 } },
    { stratum: "ListProducts edge", baseline: { total: 1, failed: 1 }, canary: { total: 0, failed: 0 } },
  ]);
});

test("attempts are judged, and requests are what the split decided about", () => {
  const rule = ruleOf(gate("failures"));
  const after = { strata: [stratum("v2", { requests: 1, attempts: 3, failed: 2 })], calls: [] };
  const { requests, metrics } = requestCounts({ arms, rule }, NOTHING_READ, after);
  assert.equal(requests.canary, 1);
  assert.deepEqual(metrics.failures?.[0]?.canary, { total: 3, failed: 2 });
});

test("each latency gate has the threshold that was opened for it", () => {
  const rule = ruleOf(gate("failures"), gate("latency-p50"), gate("latency-200ms"));
  assert.deepEqual(thresholdsInUs(rule, { "latency-p50": 1.023, "latency-200ms": 204.799 }), [1_023, 204_799]);
  const after = { strata: [stratum("v2", { requests: 9, failed: 1, slow: [5, 2] })], calls: [] };
  const { metrics } = requestCounts({ arms, rule }, NOTHING_READ, after);
  assert.equal(metrics["latency-p50"]?.[0]?.canary.failed, 5);
  assert.equal(metrics["latency-200ms"]?.[0]?.canary.failed, 2);
});

test("a gate that is kept to some methods counts no others", () => {
  const rule = ruleOf(gate("failures", { methods: ["ListProducts"] }));
  const after = {
    strata: [stratum("v2", { requests: 3 }), stratum("v2", { requests: 2, method: "ListProducts" })],
    calls: [],
  };
  const { requests, metrics } = requestCounts({ arms, rule }, NOTHING_READ, after);
  assert.deepEqual(
    metrics.failures?.map(({ stratum, canary }) => [stratum, canary.total]),
    [["ListProducts edge", 2]],
  );
  assert.equal(requests.canary, 5);
});

test("calls that a version makes are counted against the requests that it has", () => {
  const rule = ruleOf(gate("calls", { clump: 10 }));
  const before = { strata: [stratum("v2", { requests: 1 })], calls: [{ version: "v2", calls: 5 }] };
  const calls = [
    { version: "v2", calls: 25 },
    { version: "v1-baseline", calls: 4 },
    { version: "v1", calls: 99 },
  ];
  const after = { strata: [stratum("v2", { requests: 3 }), stratum("v1-baseline", { requests: 2 })], calls };
  const { metrics } = requestCounts({ arms, rule }, before, after);
  assert.deepEqual(metrics.calls, [
    { stratum: "all", baseline: { total: 2, failed: 4 }, canary: { total: 2, failed: 20 } },
  ]);
});

test("an example is a trace of the canary that failed since the last reading, and none of before or of the baseline", () => {
  const rule = ruleOf(gate("failures"), gate("latency-p50"));
  const failed = { requests: 2, failed: 1, slow: [2], failedTrace: "aa", slowTraces: ["bb"] };
  const bad = { strata: [stratum("v2", failed)], calls: [] };
  const { examples } = requestCounts({ arms, rule }, NOTHING_READ, bad);
  assert.deepEqual(examples, { failures: "trace aa", "latency-p50": "trace bb" });
  assert.deepEqual(
    requestCounts({ arms, rule }, bad, { strata: [stratum("v2", { ...failed, requests: 3 })], calls: [] }).examples,
    {},
  );
  const baseline = { strata: [stratum("v1-baseline", failed)], calls: [] };
  assert.deepEqual(requestCounts({ arms, rule }, NOTHING_READ, baseline).examples, {});
});
