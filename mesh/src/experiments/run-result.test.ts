/** Runs as they are kept: the counts give the same result again, both have published schemas, and broken files are named by line. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { test } from "vitest";
import type { SecondCounts } from "../judge/second-counts.ts";
import { countsHead, countsLine, readCounts } from "./counts-file.ts";
import { judgeRuleOf } from "./judge-rule.ts";
import { knownServices } from "./known-services.ts";
import { readExperiments } from "./read.ts";
import { differences, judgeRun } from "./run-result.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const schemaOf = (name: string) =>
  new Ajv2020({ strict: false }).compile(
    JSON.parse(readFileSync(join(ROOT, `mesh/experiments/${name}.schema.json`), "utf8")),
  );
const services = knownServices(ROOT);

test("counts that were written and read again give the same result, to the last digit", () => {
  const run = { ...described("errors.yaml"), seconds: seconds(60, 1) };
  const text = countsHead(run) + run.seconds.map(countsLine).join("");
  const again = judgeRun(readCounts(text, "counts.jsonl"));
  const first = judgeRun(run);
  assert.deepEqual(again, first);
  assert.deepEqual(differences(first.result, again.result), []);
  assert.equal(first.result.verdict?.outcome, "rolled back");
  assert.equal(first.history.length, first.result.verdict?.afterSeconds);
});

test("results and every line of counts are as their published schemas say", () => {
  const isResult = schemaOf("result");
  const isCounts = schemaOf("counts");
  for (const [file, failures] of [
    ["errors.yaml", 1],
    ["wrong-totals.yaml", 0],
    ["good.yaml", 0],
  ] as const) {
    const run = { ...described(file), seconds: seconds(240, failures) };
    const { result } = judgeRun(run);
    assert.ok(isResult(JSON.parse(JSON.stringify(result))), JSON.stringify(isResult.errors));
    assert.ok(isCounts(JSON.parse(countsHead(run))), JSON.stringify(isCounts.errors));
    for (const one of run.seconds) assert.ok(isCounts(JSON.parse(countsLine(one))), JSON.stringify(isCounts.errors));
  }
});

test("a result that says something else is found out: verdict, gate, and evidence beyond 1e-9", () => {
  const { result } = judgeRun({ ...described("errors.yaml"), seconds: seconds(60, 1) });
  const { verdict } = result;
  assert.ok(verdict);
  assert.deepEqual(differences({ ...result, logE: result.logE + 1e-10 }, result), []);
  assert.match(differences({ ...result, logE: result.logE + 1e-8 }, result).join(), /^E of all gates was e\^/);
  assert.match(differences({ ...result, gates: [] }, result).join(), /^E of failures was e\^undefined/);
  assert.deepEqual(differences({ ...result, verdict: { ...verdict, outcome: "promoted" } }, result), [
    "the verdict was promoted and is rolled back",
  ]);
  assert.deepEqual(differences({ ...result, verdict: { ...verdict, gate: "cpu" } }, result), [
    "the gate was cpu and is failures",
  ]);
});

test("half a last line, which a killed process leaves, is passed over", () => {
  const run = { ...described("errors.yaml"), seconds: seconds(5, 0) };
  const text = countsHead(run) + run.seconds.map(countsLine).join("");
  assert.equal(readCounts(text.slice(0, -20), "counts.jsonl").seconds.length, 4);
});

test("broken files of counts are named by line and field", () => {
  const head = countsHead(described("errors.yaml"));
  const line = countsLine({ ...BARE, second: 0 });
  const refused = [
    ["", /Cannot read c\.jsonl: it has no head; it is to be the counts\.jsonl of a run$/],
    ["{}\n", /Cannot read c\.jsonl:1: the line must have required property 'format'$/],
    [head.replace("counts/v1alpha1", "counts/v2"), /c\.jsonl:1: format must be equal to constant$/],
    [`${head}nonsense\n`, /c\.jsonl:2: it is no JSON$/],
    [head + line.replace('"canary":20', '"canary":-1'), /c\.jsonl:2: requests\.canary must be >= 0$/],
    [head + line.replace('"second"', '"moment"'), /c\.jsonl:2: the line must have required property 'second'$/],
  ] as const;
  for (const [text, message] of refused) assert.throws(() => readCounts(text, "c.jsonl"), message);
});

const BARE: SecondCounts = { second: 0, step: 0, requests: { stable: 160, baseline: 20, canary: 20 }, metrics: {} };

/** An experiment of the project's and its rule. */
function described(file: string) {
  const { experiments } = readExperiments(readFileSync(join(ROOT, "mesh/experiments", file), "utf8"), file, {
    services,
  });
  const [experiment] = experiments;
  const service = services.find(({ name }) => name === experiment?.spec.service);
  assert.ok(experiment && service);
  return { experiment: experiment.metadata.name, rule: judgeRuleOf(experiment, service) };
}

function seconds(count: number, failures: number): SecondCounts[] {
  return Array.from({ length: count }, (_, second) => ({
    ...BARE,
    second,
    metrics: {
      failures: [stratum(0, failures)],
      "latency-p50": [stratum(10, 10)],
      "latency-p99": [stratum(0, failures)],
    },
    heapBytes: { baseline: 5e7, canary: 5e7 },
    cpuSeconds: { baseline: 0.02, canary: 0.02 },
    ...(failures > 0 && { examples: { failures: `trace ${second}` } }),
  }));
}

function stratum(baseline: number, canary: number) {
  return {
    stratum: "GetProduct by edge",
    baseline: { total: 20, failed: baseline },
    canary: { total: 20, failed: canary },
  };
}
