/** What is asked for each gate of an experiment, as Argo Rollouts would ask it; promtool answers the questions in cli/test. */
import assert from "node:assert/strict";
import { test } from "vitest";
import type { Experiment, GateSpec } from "../experiment.ts";
import { DEFAULT_GATES } from "../metrics.ts";
import { analysisTemplate } from "./analysis-template.ts";
import { questionsOf } from "./queries.ts";

const SERVICES = { stable: "catalog-stable", canary: "catalog-canary" };
const TESTED = { share: 1, riskRatio: 2, decides: true };

function experiment(minRequests: number): Experiment {
  return {
    metadata: { name: "errors", namespace: "shop", labels: {}, annotations: {} },
    spec: {
      ...{ service: "catalog", stable: { version: "v1" }, canary: { version: "v2" }, warmUpSeconds: 10 },
      steps: [{ weights: { stable: 80, baseline: 10, canary: 10 }, minRequests, minSeconds: 20 }],
      ...{ longestSeconds: 240, alpha: 0.05, beta: 0.05, gates: DEFAULT_GATES },
    },
    source: { file: "errors.yaml", line: 1 },
  };
}

const only = (gate: GateSpec) => {
  const [question, ...more] = questionsOf(gate, SERVICES, 100);
  assert.ok(question);
  assert.deepEqual(more, []);
  return question;
};

test("each gate that Linkerd's metrics can answer is asked, and the others are named", () => {
  const { questions, leftOut } = analysisTemplate(experiment(0), DEFAULT_GATES, SERVICES);
  assert.deepEqual(
    questions.map(({ name }) => name),
    ["failures", "latency-p50", "latency-p90", "latency-p99", "calls"],
  );
  assert.deepEqual(leftOut, ["cancelled-orders", "dead-letters", "invariants", "memory", "cpu", "start"]);
});

test("a metric has both conditions, and waits for as many requests as the smallest step asks for, 100 at least", () => {
  for (const [asked, needed] of [
    [0, 100],
    [250, 250],
  ] as const) {
    const { template } = analysisTemplate(experiment(asked), DEFAULT_GATES, SERVICES);
    const text = JSON.stringify(template);
    assert.equal(text.split('"successCondition":"result[0] <= 1","failureCondition":"result[0] > 1"').length, 6);
    assert.equal(text.split(`>= ${needed})\\nor on() vector(NaN)`).length, 6);
  }
});

test("failures are held against stable's, but for what is below the ceiling; without one, below one request", () => {
  const gate = { metric: "failures", ...TESTED, methods: [] } as const;
  assert.match(only({ ...gate, ceiling: 0.01 }).query, /clamp_min\(2 \* .*, 0\.01\)/);
  assert.match(only(gate).query, /clamp_min\(2 \* .*, 0\.01\)\)\nand/, "one in 100");
  assert.match(only({ ...gate, methods: ["GetProduct"] }).says, /Linkerd counts by route, so all methods count/);
  assert.doesNotMatch(only(gate).says, /by route/);
});

test("a latency in milliseconds is asked at the proxy's bucket that holds it", () => {
  for (const [threshold, bound] of [
    ["200ms", "0.25"],
    ["25ms", "0.025"],
    ["5s", "10"],
    ["60s", "10"],
  ] as const) {
    const { name, query } = only({ metric: "latency", ...TESTED, thresholds: [threshold], methods: [] });
    assert.equal(name, `latency-${threshold}`);
    assert.match(query, new RegExp(`le="${bound.replace(".", "\\.")}"`));
  }
});

test("a latency as a quantile is asked of both versions, for the time that the canary may take", () => {
  const { query } = only({ metric: "latency", ...TESTED, riskRatio: 3, thresholds: ["p99.5"], methods: [] });
  assert.match(
    query,
    /histogram_quantile\(0\.995, .*catalog-canary.* \/ \(3 \* histogram_quantile\(0\.995, .*catalog-stable/,
  );
});

test("calls downstream are those of the pods of each version", () => {
  const { query } = only({ metric: "calls", ...TESTED, riskRatio: 1.5, mostPerRequest: 10 });
  assert.match(query, /pod=~"\.\*-\{\{args\.canary-hash\}\}-\.\*"/);
  assert.match(query, /clamp_min\(1\.5 \* .*\{\{args\.stable-hash\}\}/);
});
