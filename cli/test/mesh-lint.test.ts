import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { test } from "vitest";
import { smallProject } from "../../laptop/test/small-project.ts";

const MAIN = resolve(import.meta.dirname, "../src/main.ts");
const BAD = "apiVersion: linkerd.io/v1alpha1\nkind: ServiceProfile\nmetadata: { name: catalog }\n";

function lint(root: string, { input = "" }: { input?: string }, ...args: string[]) {
  const env = { ...process.env, ROW_ROOT: root, NO_COLOR: "1" };
  return spawnSync(process.execPath, [MAIN, "mesh", "lint", ...args], { cwd: root, env, encoding: "utf8", input });
}

test("lints the project's own manifests and says so when there is nothing to find", (context) => {
  const project = smallProject({
    "mesh/policy/catalog.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: a }\n",
  });
  context.onTestFinished(project.remove);
  const { status, stdout } = lint(project.root, {});
  assert.deepEqual({ status, stdout }, { status: 0, stdout: "No findings\n" });
});

test("shows each finding with place, reason and fix, and exits with 1", (context) => {
  const project = smallProject({ "mesh/routes/catalog.yaml": BAD });
  context.onTestFinished(project.remove);
  const { status, stdout } = lint(project.root, {});
  assert.equal(status, 1);
  assert.match(
    stdout,
    /^mesh\/routes\/catalog\.yaml:2 {2}service-profile\n {2}ServiceProfile catalog\n {2}why: .+\n {2}fix: .+\n\n1 finding in 1 file\n$/,
  );
});

test("prints findings as JSON, and takes files, folders and CRDs", (context) => {
  const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: serviceprofiles.linkerd.io }
spec:
  group: linkerd.io
  names: { kind: ServiceProfile }
  versions: [{ name: v1alpha2, served: true, schema: { openAPIV3Schema: { type: object } } }]
`;
  const project = smallProject({ "a/one.yaml": BAD, "two.yml": BAD, "crds/profiles.yaml": crd });
  context.onTestFinished(project.remove);
  const { status, stdout } = lint(project.root, {}, "--json", "--crds", "crds", "a", "two.yml");
  assert.equal(status, 1);
  const found = JSON.parse(stdout).map(({ rule, file, line }: Record<string, unknown>) => `${file}:${line} ${rule}`);
  assert.deepEqual(found, [
    join("a", "one.yaml:1 crd-version"),
    join("a", "one.yaml:2 service-profile"),
    "two.yml:1 crd-version",
    "two.yml:2 service-profile",
  ]);
});

test("a hint is shown as one, and leaves the exit status 0", (context) => {
  const project = smallProject({ "patch.yaml": "- { op: remove, path: /spec/rules/0 }\n" });
  context.onTestFinished(project.remove);
  const { status, stdout } = lint(project.root, {}, "patch.yaml");
  assert.equal(status, 0);
  assert.match(stdout, /^patch\.yaml:1 {2}patch-not-rendered \(hint\)\n/);
});

test("lists the rules", (context) => {
  const project = smallProject();
  context.onTestFinished(project.remove);
  const { status, stdout } = lint(project.root, {}, "--rules");
  assert.equal(status, 0);
  assert.match(stdout, /^service-profile\n {2}why: .+\n {2}fix: .+\n\n[\s\S]+\nweights-all-zero\n {2}why: /);
});

test("reads standard input, and says once for each file that it is no YAML", (context) => {
  const project = smallProject({
    "chart/templates/a.yaml": "{{- if .Values.on }}\nkind: {{ .Values.kind }}\n{{- end }}\n",
    "broken.yaml": "a: [\nb: [\n",
  });
  context.onTestFinished(project.remove);
  const { stdout } = lint(project.root, { input: BAD }, "chart", "-", "broken.yaml", "--json");
  const found = JSON.parse(stdout).map(
    ({ rule, file, line, fix }: Record<string, unknown>) => `${file}:${line} ${rule} ${fix}`,
  );
  assert.equal(found.length, 3);
  assert.match(found[0], /^-:2 service-profile /);
  assert.match(found[1], /^broken.yaml:2 unreadable correct the YAML$/);
  assert.match(found[2], /^chart\/templates\/a.yaml:\d unreadable lint what it is rendered to/);
});

test("says what it cannot lint", (context) => {
  const project = smallProject({ "a.yaml": BAD });
  context.onTestFinished(project.remove);
  const refusals: [args: string[], says: string][] = [
    [[], "Cannot lint: there are no manifests here; name a file or a folder\n"],
    [["b.yaml"], "Cannot read b.yaml: there is no such file or folder\n"],
    [["a.yaml", "--crds", "."], "Cannot check against .: there is no CustomResourceDefinition in it\n"],
    [["a.yaml", "--contracts", "none"], "Cannot read none: there is no such file or folder\n"],
  ];
  for (const [args, says] of refusals) {
    const { status, stderr } = lint(project.root, {}, ...args);
    assert.deepEqual({ status, stderr }, { status: 1, stderr: says });
  }
});
