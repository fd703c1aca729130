/** The ready experiments on made-up traffic: each harm is rolled back by the gate that it is made for, and equal versions are promoted. */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { SeededRandom } from "@row/load/seeded-random.ts";
import type { Experiment } from "@row/mesh/experiments/experiment.ts";
import { judgeRuleOf } from "@row/mesh/experiments/judge-rule.ts";
import { knownServices } from "@row/mesh/experiments/known-services.ts";
import { experimentsFolder, loadExperiments } from "@row/mesh/experiments/load.ts";
import { feed, newJudge, stepDue } from "@row/mesh/judge/judge.ts";
import type { Gate } from "@row/mesh/judge/rule.ts";
import type { SecondCounts } from "@row/mesh/judge/second-counts.ts";
import type { Verdict } from "@row/mesh/judge/verdict.ts";
import { test } from "vitest";
import { Binomials } from "./binomial.ts";

const root = resolve(import.meta.dirname, "../..");
const services = knownServices(root);
const experiments = loadExperiments([experimentsFolder(root)], { services });

/** What stable has of each gate: the share that fails, or calls a request. */
const NORMAL: Readonly<Record<string, number>> = {
  failures: 0.001,
  "latency-p50": 0.5,
  "latency-p90": 0.1,
  "latency-p99": 0.01,
  calls: 2,
  "cancelled-orders": 0.01,
  "dead-letters": 0,
};

/** What the canary has instead, and the gate that must fire. */
const HARMS: readonly (readonly [experiment: string, canary: Readonly<Record<string, number>>, gate: string])[] = [
  ["errors", { failures: 0.05 }, "failures"],
  ["slow", { "latency-p50": 1, "latency-p90": 1, "latency-p99": 1 }, "latency-p50"],
  ["slow-tail", { "latency-p50": 0.52, "latency-p90": 0.14, "latency-p99": 0.06 }, "latency-p99"],
  ["retry-amplifier", { calls: 10 }, "calls"],
  ["declined-cards", { "cancelled-orders": 0.5 }, "cancelled-orders"],
  ["bad-event", { "dead-letters": 1 }, "dead-letters"],
];

for (const [name, canary, gate] of HARMS) {
  test(`${name} is rolled back by ${gate}, whatever the seed`, () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const verdict = run(named(name), canary, seed);
      assert.deepEqual([verdict.outcome, verdict.gate], ["rolled back", gate], `seed ${seed}: ${verdict.sentence}`);
    }
  });
}

test("equal versions are promoted by the default gates, on reads and on orders", () => {
  for (const name of ["a-a", "wrong-totals"]) {
    const verdicts = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => run(named(name), {}, seed));
    assert.deepEqual(
      verdicts.map(({ outcome }) => outcome),
      verdicts.map(() => "promoted"),
    );
  }
});

function named(name: string): Experiment {
  const found = experiments.find(({ metadata }) => metadata.name === name);
  assert.ok(found, name);
  return found;
}

/** Runs an experiment's steps on traffic that follows its weights. */
function run(experiment: Experiment, canary: Readonly<Record<string, number>>, seed: number): Verdict {
  const service = services.find(({ name }) => name === experiment.spec.service);
  assert.ok(service && experiment.spec.load);
  const rule = judgeRuleOf(experiment, service);
  const { rate } = experiment.spec.load;
  const binomials = new Binomials(new SeededRandom(seed));
  let state = newJudge(rule);
  for (let second = 0; !state.verdict; second += 1) {
    const step = stepDue(rule, state);
    const weights = rule.steps[step]?.weights;
    assert.ok(weights);
    const ofCanary = binomials.draw(rate, weights.canary / 100);
    const ofBaseline = binomials.draw(rate - ofCanary, weights.baseline / (100 - weights.canary));
    const ofVersions = [
      failuresOf(rule.gates, ofBaseline, {}, binomials),
      failuresOf(rule.gates, ofCanary, canary, binomials),
    ];
    const metrics = rule.gates.map(({ name }) => {
      const [baselineFailed = 0, canaryFailed = 0] = ofVersions.map((failed) => failed.get(name) ?? 0);
      const baseline = { total: ofBaseline, failed: baselineFailed };
      return [name, [{ stratum: "all", baseline, canary: { total: ofCanary, failed: canaryFailed } }]];
    });
    const counts: SecondCounts = {
      second,
      step,
      requests: { stable: rate - ofCanary - ofBaseline, baseline: ofBaseline, canary: ofCanary },
      metrics: Object.fromEntries(metrics),
    };
    state = feed(rule, state, counts);
  }
  return state.verdict;
}

/** How many requests of a version fail each gate. One that failed counts for every latency as well. */
function failuresOf(
  gates: readonly Gate[],
  total: number,
  harm: Readonly<Record<string, number>>,
  binomials: Binomials,
): Map<string, number> {
  const failed = new Map<string, number>();
  for (const { name, kind } of gates) {
    const rate = harm[name] ?? NORMAL[name] ?? 0;
    const before = name.startsWith("latency") ? (failed.get("failures") ?? 0) : 0;
    const isCertain = kind === "rate" || rate === 0 || rate === 1;
    failed.set(name, before + (isCertain ? (total - before) * rate : binomials.draw(total - before, rate)));
  }
  return failed;
}
