/** Experiment files: what is read, what is refused by field and line, and that the published schema says the same. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { test } from "vitest";
import { parse, stringify } from "yaml";
import { judgeRuleOf } from "./judge-rule.ts";
import { knownServices } from "./known-services.ts";
import { METRICS } from "./metrics.ts";
import { readExperiments } from "./read.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const FOLDER = join(ROOT, "mesh/experiments");
const READY = globSync("*.yaml", { cwd: FOLDER }).sort();
const services = knownServices(ROOT);
const isValid = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(join(FOLDER, "experiment.schema.json"), "utf8")),
);

const WHOLE = `apiVersion: canary-row.dev/v1alpha1
kind: Experiment
metadata: { name: everything }
spec:
  service: orders
  stable: { version: v3 }
  canary:
    version: v4
    behaviour: errors=5%@PlaceOrder,GetOrder
    gitRef: main
  warmUp: 5s
  load: { mix: order, rate: 40 }
  steps:
    - weights: { stable: 80, baseline: 10, canary: 10 }
      minTime: 30s
      minRequests: 100
    - weights: { stable: 0, baseline: 50, canary: 50 }
  longestTime: 30m
  alpha: 1%
  beta: 2.5%
  gates:
    - metric: failures
      share: 3
      riskRatio: 2.5
      ceiling: 2%
      decides: true
      methods: [PlaceOrder]
    - metric: latency
      thresholds: [p50, p99.9, 200ms]
      riskRatio: 5
      decides: false
      methods: [GetOrder]
    - { metric: calls, mostPerRequest: 6 }
    - { metric: cancelled-orders, ceiling: 10% }
    - { metric: dead-letters }
    - { metric: invariants }
    - { metric: memory, megabytesPerMinute: 5.5 }
    - { metric: cpu, ratio: 2, minRequests: 500 }
    - { metric: start, ratio: 3, readyDifference: 1s, callDifference: 20ms }
`;

test("an experiment has defaults for everything but its service, its canary and its weights", () => {
  const steps = "steps: [{ weights: { stable: 0, baseline: 50, canary: 50 } }]";
  const { experiments, problems } = read(
    `apiVersion: canary-row.dev/v1alpha1\nkind: Experiment\nmetadata: { name: short }\nspec: { service: catalog, canary: {}, ${steps} }\n`,
  );
  assert.deepEqual(problems, []);
  const spec = experiments[0]?.spec;
  assert.deepEqual(
    [spec?.stable.version, spec?.canary.version, spec?.warmUpSeconds, spec?.longestSeconds, spec?.alpha, spec?.beta],
    ["v1", "v2", 10, 300, 0.05, 0.05],
  );
  assert.deepEqual(
    spec?.gates.map(({ metric }) => metric),
    METRICS,
  );
});

test("every field that a file can have is read", () => {
  const { experiments, problems } = read(WHOLE);
  assert.deepEqual(problems, []);
  const [experiment] = experiments;
  assert.deepEqual(experiment?.spec.canary, {
    version: "v4",
    behaviour: "errors=5%@PlaceOrder,GetOrder",
    gitRef: "main",
  });
  assert.deepEqual(experiment?.spec.steps, [
    { weights: { stable: 80, baseline: 10, canary: 10 }, minRequests: 100, minSeconds: 30 },
    { weights: { stable: 0, baseline: 50, canary: 50 }, minRequests: 0, minSeconds: 0 },
  ]);
  assert.deepEqual(experiment?.spec.gates.slice(0, 3), [
    {
      metric: "failures",
      share: 3,
      riskRatio: 2.5,
      ceiling: 0.02,
      decides: true,
      methods: ["PlaceOrder"],
    },
    {
      metric: "latency",
      share: 1,
      riskRatio: 5,
      thresholds: ["p50", "p99.9", "200ms"],
      decides: false,
      methods: ["GetOrder"],
    },
    { metric: "calls", share: 1, riskRatio: 1.5, mostPerRequest: 6, decides: true },
  ]);
  assert.deepEqual(experiment?.spec.gates.slice(-3), [
    { metric: "memory", megabytesPerMinute: 5.5 },
    { metric: "cpu", ratio: 2, minRequests: 500 },
    { metric: "start", ratio: 3, readyMs: 1_000, callMs: 20 },
  ]);
});

test("the judge's gates share alpha, latency's thresholds the share of their gate", () => {
  const [experiment] = read(WHOLE).experiments;
  const orders = services.find(({ name }) => name === "orders");
  assert.ok(experiment && orders);
  const rule = judgeRuleOf(experiment, orders);
  const sum = rule.gates.reduce((total, { share }) => total + share, 0);
  assert.ok(Math.abs(sum - 1) < 1e-12);
  assert.deepEqual(
    rule.gates.map(({ name, share }) => `${name} ${share.toFixed(3)}`),
    [
      "failures 0.429",
      "latency-p50 0.048",
      "latency-p99.9 0.048",
      "latency-200ms 0.048",
      "calls 0.143",
      "cancelled-orders 0.143",
      "dead-letters 0.143",
    ],
  );
});

test("who counts for the judge is told which methods a gate is kept to", () => {
  const [experiment] = read(WHOLE).experiments;
  const orders = services.find(({ name }) => name === "orders");
  assert.ok(experiment && orders);
  const methods = new Map(judgeRuleOf(experiment, orders).gates.map((gate) => [gate.name, gate.methods]));
  assert.deepEqual(methods.get("failures"), ["PlaceOrder"]);
  assert.deepEqual(methods.get("latency-p50"), ["GetOrder"]);
  assert.equal(methods.get("calls"), undefined);
});

test("a service is judged only by what it does", () => {
  const names = (file: string) => {
    const [experiment] = read(readFileSync(join(FOLDER, file), "utf8")).experiments;
    const service = services.find(({ name }) => name === experiment?.spec.service);
    assert.ok(experiment && service);
    return judgeRuleOf(experiment, service).gates.map(({ name }) => name);
  };
  const common = ["failures", "latency-p50", "latency-p90", "latency-p99"];
  assert.deepEqual(names("good.yaml"), [...common, "dead-letters"]);
  assert.deepEqual(names("wrong-totals.yaml"), [...common, "calls", "cancelled-orders", "dead-letters"]);
  assert.deepEqual(names("declined-cards.yaml"), [...common, "cancelled-orders", "dead-letters"]);
});

const REFUSED: readonly (readonly [title: string, from: string, to: string, problem: RegExp])[] = [
  [
    "an unknown service",
    "service: orders",
    "service: ordres",
    /:5: .*spec\.service: there is no service "ordres"; write one of auth, catalog/,
  ],
  [
    "an unknown method",
    "[PlaceOrder]",
    "[PlaceOrdr]",
    /spec\.gates\[0\]\.methods\[0\]: orders has no method "PlaceOrdr"; write one of .*PlaceOrder/,
  ],
  [
    "an unknown behaviour",
    "errors=5%@",
    "errrs=5%@",
    /:9: .*spec\.canary\.behaviour: there is no "errrs", there are good, errors/,
  ],
  ["a behaviour's value", "errors=5%@", "errors=500%@", /spec\.canary\.behaviour: "500%" must be a share above 0%/],
  [
    "a behaviour of a method that the service does not have",
    "PlaceOrder,GetOrder",
    "GetProduct",
    /spec\.canary\.behaviour: orders has no method GetProduct, it has /,
  ],
  [
    "a bug that the service does not have",
    "errors=5%@PlaceOrder,GetOrder",
    "business-bug=keeps-stock",
    /spec\.canary\.behaviour: orders has no bug keeps-stock, its service.yaml names wrong-totals/,
  ],
  [
    "an unknown metric",
    "metric: failures",
    "metric: failure",
    /spec\.gates\[0\]\.metric: it is "failure"; write failures, latency, calls/,
  ],
  [
    "weights that fall",
    "stable: 0, baseline: 50, canary: 50",
    "stable: 90, baseline: 5, canary: 5",
    /:17: .*spec\.steps\[1\]\.weights\.canary: it falls from 10 to 5/,
  ],
  [
    "weights that pass 100",
    "stable: 80",
    "stable: 90",
    /:14: .*spec\.steps\[0\]\.weights: they add up to 110; write weights that add up to 100/,
  ],
  [
    "a baseline of another size",
    "stable: 80, baseline: 10",
    "stable: 85, baseline: 5",
    /spec\.steps\[0\]\.weights: baseline has 5 and canary 10/,
  ],
  ["no steps", /steps:[\s\S]*?longestTime/.source, "steps: []\n  longestTime", /spec\.steps: it has no items/],
  [
    "no gates",
    /gates:[\s\S]*$/.source,
    "gates: []\n",
    /spec\.gates: it has no items; write a gate, or leave gates out/,
  ],
  [
    "no gate that decides",
    /gates:[\s\S]*$/.source,
    "gates: [{ metric: memory }]\n",
    /spec\.gates: none of them decides/,
  ],
  ["a gate twice", "metric: dead-letters", "metric: calls", /spec\.gates\[4\]\.metric: calls stands there twice/],
  ["a field that is not known", "warmUp: 5s", "warmup: 5s", /spec\.warmup: the mesh does not know this field/],
  ["stable's version as the canary's", "version: v4", "version: v3", /spec\.canary\.version: it is stable's, v3/],
  [
    "two places that the canary's code comes from",
    "gitRef: main",
    "gitRef: main\n    folder: ../other",
    /spec\.canary: it has folder and gitRef; write one of them/,
  ],
  [
    "a duration in parts of a second",
    "warmUp: 5s",
    "warmUp: 1500ms",
    /spec\.warmUp: it is "1500ms"; write whole seconds/,
  ],
  ["a share that is none", "alpha: 1%", "alpha: 100%", /spec\.alpha: it is "100%"; write a share from 0\.01% to 50%/],
  [
    "a ratio of one",
    "riskRatio: 2.5",
    "riskRatio: 1",
    /spec\.gates\[0\]\.riskRatio: it is 1; write a ratio from 1\.05/,
  ],
  [
    "another version of the format",
    "v1alpha1",
    "v1",
    /apiVersion: it is canary-row\.dev\/v1; write canary-row\.dev\/v1alpha1/,
  ],
  [
    "a harm that the traffic cannot show in the time",
    "longestTime: 30m",
    "longestTime: 40s",
    /spec\.longestTime: failures takes about [\d,]+ requests of baseline and canary to .*, and \d+ come in 40 s; raise load\.rate, the weights or longestTime \(\d+ times/,
  ],
  [
    "orders where none are placed",
    "mix: order",
    "mix: read",
    /spec\.longestTime: cancelled-orders takes about [\d,]+ orders .*, and 0 come/,
  ],
];

for (const [title, from, to, problem] of REFUSED) {
  test(`refuses ${title}, by field and line`, () => {
    const text = WHOLE.replace(from.includes("[\\s") ? new RegExp(from) : from, to);
    assert.notEqual(text, WHOLE);
    const { experiments, problems } = read(text);
    assert.deepEqual(experiments, []);
    assert.match(problems.join("\n"), problem);
  });
}

test("refuses a ceiling below twice what was measured of stable, and says what it would take", () => {
  const { problems } = readExperiments(WHOLE, "a.yaml", { services, measured: { failures: 0.015 } });
  assert.match(
    problems.map(({ message }) => message).join("\n"),
    /spec\.gates\[0\]\.ceiling: stable itself has 1\.5%; write at least 3%, twice as much/,
  );
  assert.deepEqual(readExperiments(WHOLE, "a.yaml", { services, measured: { failures: 0.01 } }).problems, []);
});

test("refuses a gate for what the service does not do", () => {
  const text = WHOLE.replace("service: orders", "service: catalog")
    .replace("[PlaceOrder]", "[]")
    .replace("[GetOrder]", "[]");
  const { problems } = read(text);
  assert.match(problems.join("\n"), /gates\[2\]\.metric: catalog does nothing that calls could count; remove it/);
  assert.match(problems.join("\n"), /gates\[3\]\.metric: catalog does nothing that cancelled-orders could count/);
});

test("the ready experiments are fine by the reader and by the schema, are named like their files, and all have the default gates", () => {
  const issues = ["good", "a-a", "errors", "slow", "slow-tail", "leak", "slow-start", "retry-amplifier"];
  const more = ["declined-cards", "wrong-totals", "kept-stock", "double-publish", "bad-event"];
  assert.deepEqual(READY, [...issues, ...more].map((name) => `${name}.yaml`).sort());
  for (const file of READY) {
    const text = readFileSync(join(FOLDER, file), "utf8");
    const { experiments, problems } = read(text);
    assert.deepEqual(problems, [], file);
    assert.ok(isValid(parse(text)), `${file}: ${JSON.stringify(isValid.errors)}`);
    assert.equal(`${experiments[0]?.metadata.name}.yaml`, basename(file));
    assert.ok(!("gates" in parse(text).spec), file);
    assert.match(text, /^# yaml-language-server: \$schema=experiment\.schema\.json\n/);
  }
});

test("the schema has everything that the reader reads", () => {
  assert.ok(isValid(parse(WHOLE)), JSON.stringify(isValid.errors));
});

// What compares values (sums, order, names, ranges of durations) is the reader's alone; shapes and names of fields are both's.
test("the schema and the reader refuse the same shapes: any field renamed, given another type, or removed", () => {
  const whole = parse(WHOLE);
  const paths = leavesOf(whole);
  fc.assert(
    fc.property(
      fc.constantFrom(...paths),
      fc.constantFrom("rename", "list", "word", "minus", "remove"),
      (path, change) => {
        const changed = changedAt(structuredClone(whole), path, change);
        const { problems } = readExperiments(stringify(changed), "a.yaml", { services });
        const shapes = problems.filter(
          ({ message }) => !/there is no service|it is stable's|times as much|none of them/.test(message),
        );
        const schemaSays = isValid(changed);
        assert.equal(
          schemaSays,
          shapes.length === 0,
          `${path.join(".")} ${change}: ${shapes[0]?.message ?? JSON.stringify(isValid.errors)}`,
        );
      },
    ),
    { numRuns: 400 },
  );
});

type Path = readonly (string | number)[];

function read(text: string) {
  const { experiments, problems } = readExperiments(text, "a.yaml", { services });
  return { experiments, problems: problems.map(({ file, line, message }) => `${file}:${line}: ${message}`) };
}

/** The way to every field below spec. */
function leavesOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [at];
  const below = Object.entries(value).flatMap(([key, item]) =>
    leavesOf(item, [...at, Array.isArray(value) ? Number(key) : key]),
  );
  return at.length > 0 && !Array.isArray(value) ? [at, ...below] : below;
}

function changedAt(whole: Record<string, unknown>, path: Path, change: string): unknown {
  // biome-ignore lint/suspicious/noExplicitAny: it walks into a document of any shape
  const parent: any = path.slice(0, -1).reduce<any>((value, key) => value[key], whole);
  const key = path.at(-1) ?? "";
  const before = parent[key];
  if (change === "list") parent[key] = [[]];
  else if (change === "word") parent[key] = "?";
  else if (change === "minus") parent[key] = -1;
  else if (Array.isArray(parent)) parent.splice(Number(key), 1, ...(change === "remove" ? [] : [7]));
  else {
    delete parent[key];
    if (change === "rename") parent[`${key}x`] = before;
  }
  return whole;
}
