/**
 * `row experiment render` as a user runs it, and what it asks Prometheus, answered by Prometheus's own promtool. What Argo Rollouts does with
 * it was seen on a cluster (1.9.1, Gateway API plugin 0.15.0): a metric that is NaN passes where only a failure condition stands.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadResources } from "@row/mesh/resources/read.ts";
import { type TestContext, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";

const ROOT = resolve(import.meta.dirname, "../..");
const MAIN = join(ROOT, "cli/src/main.ts");

// biome-ignore lint/suspicious/noExplicitAny: manifests of others, which each test looks into
type Manifest = any;

function row(...args: string[]) {
  return spawnSync(process.execPath, [MAIN, "experiment", "render", ...args], { cwd: ROOT, encoding: "utf8" });
}

function rendered(...args: string[]): { text: string; of: (kind: string) => Manifest[] } {
  const { stdout: text, stderr, status } = row(...args, "--to", "argo-rollouts");
  assert.equal(status, 0, stderr);
  const manifests = parseAllDocuments(text).map((document): Manifest => document.toJS());
  return { text, of: (kind) => manifests.filter((manifest) => manifest.kind === kind) };
}

test("gives the canary's weights in the experiment's order, each with a pause and an analysis", () => {
  const [rollout] = rendered("errors").of("Rollout");
  const steps = rollout.spec.strategy.canary.steps;
  assert.deepEqual(
    steps.map((step: Manifest) => step.setWeight ?? step.pause?.duration ?? step.analysis.templates[0].templateName),
    [10, "20s", "catalog-errors", 50, "30s", "catalog-errors"],
  );
});

test("finds all routes by which callers reach the service, and none of those that say who may call it", () => {
  const { of } = rendered("errors");
  const { grpcRouteSelector } =
    of("Rollout")[0].spec.strategy.canary.trafficRouting.plugins["argoproj-labs/gatewayAPI"];
  const isFound = (route: Manifest) =>
    Object.entries(grpcRouteSelector.matchLabels).every(([label, value]) => route.metadata.labels?.[label] === value);
  const written = loadResources(
    ["mesh/routes/catalog.yaml", "mesh/policy/catalog.yaml"].map((file) => join(ROOT, file)),
  );
  const routes = written.filter(({ kind }) => kind === "GRPCRoute");
  const outbound = loadResources([join(ROOT, "mesh/routes/catalog.yaml")]);
  assert.ok(routes.length > outbound.length);
  assert.deepEqual(routes.filter(isFound), [], "those of before are written anew");
  assert.deepEqual(
    of("GRPCRoute")
      .filter(isFound)
      .map(({ metadata }) => metadata.name),
    outbound.map(({ metadata }) => metadata.name),
  );
});

test("a selector of labels leaves out the routes, which must not send calls to pods that are not there yet", () => {
  const { text, of } = rendered("errors");
  const [, label = ""] = /kubectl apply -f THIS -l '!(\S+)'/.exec(text) ?? [];
  const hasIt = ({ metadata }: Manifest) => Object.hasOwn(metadata.labels, label);
  assert.deepEqual(of("GRPCRoute").map(hasIt), [true, true, true, true]);
  for (const kind of ["Service", "AnalysisTemplate", "Rollout"]) assert.equal(of(kind).some(hasIt), false, kind);
});

test("shares the calls of every rule between two Services that the pods of the Rollout belong to", (context) => {
  const { text, of } = rendered("errors");
  const names = of("Service").map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ["catalog-rollout-stable", "catalog-rollout-canary"]);
  for (const route of of("GRPCRoute"))
    for (const { backendRefs } of route.spec.rules) {
      const shares = backendRefs.map(({ name, weight }: Manifest) => [name, weight]);
      assert.deepEqual(shares, [[names[0], 100], [names[1], 0]]); // biome-ignore format: pairs
    }
  const [rollout] = of("Rollout");
  for (const { spec } of of("Service"))
    for (const [label, value] of Object.entries(spec.selector))
      assert.equal(rollout.spec.template.metadata.labels[label], value);
  // What the mesh on a laptop obeys of it is fine by the project's own lint, too.
  const folder = folderOf(context);
  const ours = of("Service").concat(of("GRPCRoute"));
  assert.ok(text.includes("kind: Rollout"));
  writeFileSync(join(folder, "routes.yaml"), ours.map((manifest) => stringify(manifest)).join("---\n"));
  const lint = spawnSync(process.execPath, [MAIN, "mesh", "lint", folder], { cwd: ROOT, encoding: "utf8" });
  assert.doesNotMatch(lint.stdout, /error/, lint.stdout);
});

test("never takes silence for success: every metric has both conditions, and no number without enough requests", () => {
  const { of } = rendered("retry-amplifier");
  const { metrics } = of("AnalysisTemplate")[0].spec;
  const names = ["failures", "latency-p50", "latency-p90", "latency-p99", "calls"];
  assert.deepEqual(
    metrics.map(({ name }: Manifest) => name),
    names,
  );
  for (const { successCondition, failureCondition, inconclusiveLimit, provider } of metrics) {
    assert.deepEqual([successCondition, failureCondition, inconclusiveLimit], ["result[0] <= 1", "result[0] > 1", 0]);
    assert.match(provider.prometheus.query, />= 100\)\nor on\(\) vector\(NaN\)$/);
  }
});

test("names in comments the gates that it leaves out, and what else Argo cannot do", () => {
  const { text } = rendered("errors");
  const comments = text.split("\n").filter((line) => line.startsWith("#"));
  assert.match(comments.join("\n"), /left out: dead-letters, invariants, memory, cpu, start\./);
  assert.match(comments.join("\n"), /no baseline/);
  assert.match(comments.join("\n"), /never verified/);
});

test("begins the canary with a Rollout that differs in what the canary is", () => {
  const [stable] = rendered("errors").of("Rollout");
  const { text, of } = rendered("errors", "--canary");
  const [canary, ...more] = of("Rollout");
  assert.deepEqual(more, []);
  assert.deepEqual(canary.spec.strategy, stable.spec.strategy);
  assert.equal(canary.spec.template.metadata.labels["app.kubernetes.io/version"], "v2");
  assert.match(JSON.stringify(canary.spec.template), /"catalog-v2-behaviour"/);
  assert.match(text, /^# {3}--from-literal=behaviour\.json='\{"behaviours":\["errors=5%:INTERNAL"\]/m);
});

test("refuses tools and experiments that there are not", () => {
  const { status, stderr } = row("errors", "--to", "spinnaker");
  assert.equal(status, 1);
  assert.match(stderr, /Cannot render for --to spinnaker: there is argo-rollouts/);
  assert.match(row("eror", "--to", "argo-rollouts").stderr, /there is no such experiment; there are .*errors/);
});

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

test("asks Prometheus for more than 1 where the canary is worse, less where it is not, and NaN without traffic", (context) => {
  if (!hasPromtool) return context.skip("there is no promtool");
  const { metrics } = rendered("errors").of("AnalysisTemplate")[0].spec;
  const query = (name: string) => metrics.find((metric: Manifest) => metric.name === name).provider.prometheus.query;
  const neither = (asked: string) => `count((${asked}) unless (${asked}) <= 1 unless (${asked}) > 1)`;
  const statuses = (side: string, status: string, perScrape: number) => ({
    series: `outbound_grpc_route_backend_response_statuses_total{namespace="shop",backend_name="catalog-rollout-${side}",grpc_status="${status}"}`,
    values: `0+${perScrape}x20`,
  });
  const buckets = (side: string, slow: number) =>
    [["0.025", 300 - slow], ["0.5", 300], ["+Inf", 300]].map(([le, perScrape]) => ({
      series: `outbound_grpc_route_backend_response_duration_seconds_bucket{namespace="shop",backend_name="catalog-rollout-${side}",le="${le}"}`,
      values: `0+${perScrape}x20`,
    })); // biome-ignore format: a table
  const stable = [statuses("stable", "OK", 300), ...buckets("stable", 0)];
  const seen = (series: readonly object[], answers: readonly [metric: string, value: number][]) => ({
    interval: "15s",
    input_series: [...series],
    promql_expr_test: answers.map(([metric, value]) => ({
      // promtool (Prometheus 2.42) holds no NaN for another: what neither condition takes is counted.
      expr: Number.isNaN(value) ? neither(query(metric)) : query(metric),
      eval_time: "4m",
      exp_samples: [{ labels: "{}", value: Number.isNaN(value) ? 1 : value }],
    })),
  });
  const tests = [
    // 15 of 300 fail: 5 % against the ceiling of 1 %.
    seen([...stable, statuses("canary", "OK", 285), statuses("canary", "INTERNAL", 15)], [["failures", 5]]),
    seen([...stable, statuses("canary", "OK", 300), ...buckets("canary", 0)], [["failures", 0], ["latency-p99", 0.5]]),
    // What the caller did wrong is no failure.
    seen([...stable, statuses("canary", "OK", 285), statuses("canary", "NOT_FOUND", 15)], [["failures", 0]]),
    seen(stable, [["failures", Number.NaN], ["latency-p99", Number.NaN]]),
    seen([], [["failures", Number.NaN]]),
  ]; // biome-ignore format: one line each
  const folder = folderOf(context);
  writeFileSync(join(folder, "queries.test.yaml"), stringify({ evaluation_interval: "15s", tests }));
  const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", "queries.test.yaml"], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout + stderr);
});

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "render-"));
  context.onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
