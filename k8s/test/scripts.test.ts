// Scripts that only hand things to kubectl, with a stand-in that keeps what it is handed.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "vitest";
import { field, type KubeObject, mesh, parse, root, workload } from "./manifests.ts";

test("another version of a service is v1 in everything but its name, its labels and the image that is asked for", (context) => {
  const { run, applied } = kubectl(context);
  const { status, stderr } = run("k8s/deploy-version.sh", "catalog", "v2", "canary-row/catalog:mine");
  assert.equal(status, 0, stderr);
  const objects = applied();
  const second = objects.filter(({ metadata }) => metadata.name === "catalog-v2");
  assert.deepEqual(second.map(({ kind }) => kind).sort(), [
    "Deployment",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Service",
  ]);
  const text = JSON.stringify(second);
  assert.doesNotMatch(text.replaceAll(/"apiVersion":"[^"]*"/g, ""), /\bv1\b/);
  assert.match(text, /canary-row\/catalog:mine/);
  // Back to v1, it is what is rendered.
  const { template } = workload("catalog-v1");
  const back = text.replaceAll("catalog:mine", "catalog:v1").replaceAll(/(version":"|catalog-)v2/g, "$1v1");
  const objectsBack: KubeObject[] = JSON.parse(back);
  const deployment = objectsBack.find(({ kind }) => kind === "Deployment");
  assert.deepEqual(field(deployment, "spec", "template"), JSON.parse(JSON.stringify(template)));
  // What both versions share stays as it is.
  const shared = objects.find(({ kind, metadata }) => kind === "Service" && metadata.name === "catalog");
  assert.deepEqual(
    shared,
    mesh().find(({ kind, metadata }) => kind === "Service" && metadata.name === "catalog"),
  );
});

test("another version runs the image that v1 runs, unless one is named", (context) => {
  const { run, applied } = kubectl(context, "catalog:tilt-abc");
  assert.equal(run("k8s/deploy-version.sh", "catalog", "v2").status, 0);
  assert.match(JSON.stringify(applied()), /"image":"catalog:tilt-abc"/);
  assert.match(
    run("k8s/deploy-version.sh", "nothing", "v2").stderr,
    /^Cannot deploy nothing v2: there is no k8s\/rendered\/core\/nothing\.yaml/,
  );
  assert.match(run("k8s/deploy-version.sh", "catalog").stderr, /^Cannot deploy: say which/);
});

test("a script of Tilt's runs in its own context, and in no other", (context) => {
  const { run } = kubectl(context);
  assert.equal(run("k8s/tilt/in-context.sh", "kind-dev", "echo", "done").stdout, "done\n");
  const elsewhere = run("k8s/tilt/in-context.sh", "kind-other", "echo", "done");
  assert.equal(elsewhere.stdout, "");
  assert.equal(elsewhere.status, 1);
  assert.match(elsewhere.stderr, /^Cannot run echo: kubectl's context is kind-dev and Tilt's is kind-other/);
});

function kubectl(context: TestContext, image = "") {
  const folder = mkdtempSync(join(tmpdir(), "row-scripts-"));
  context.onTestFinished(() => rmSync(folder, { recursive: true }));
  const kept = join(folder, "applied.yaml");
  const script = `#!/bin/sh
case "$*" in
  *current-context*) echo kind-dev ;;
  *jsonpath*) printf %s '${image}' ;;
  apply*) { cat; echo; echo ---; } >> '${kept}' ;;
esac
`;
  writeFileSync(join(folder, "kubectl"), script);
  chmodSync(join(folder, "kubectl"), 0o755);
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  return {
    run: (command: string, ...args: string[]) =>
      spawnSync(join(root, command), args, { cwd: root, env, encoding: "utf8" }),
    applied: () => (existsSync(kept) ? parse(readFileSync(kept, "utf8").replace(/---\n$/, "")) : []),
  };
}
