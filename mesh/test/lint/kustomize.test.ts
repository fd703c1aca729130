import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "vitest";
import { lintPaths } from "../../src/lint/lint.ts";

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: { name: catalog }
spec:
  selector: { matchLabels: { app: catalog } }
  template:
    metadata: { labels: { app: catalog }, annotations: { linkerd.io/inject: enabled } }
    spec: { serviceAccountName: catalog, containers: [{ name: app, image: app }] }
`;
const ROUTE_PATCH = `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: catalog }
spec: { rules: [{ backendRefs: [{ name: catalog-v1, port: 50051 }] }] }
`;
const JSON_PATCH = '- op: replace\n  path: /spec/template/metadata/labels/app\n  value: "other"\n';

function folder(context: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "row-kustomize-"));
  context.onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

function found(root: string, ...paths: string[]): string[] {
  return lintPaths(paths.map((path) => join(root, path))).map(
    ({ rule, level, file }) => `${file.slice(root.length + 1)}: ${rule}, ${level}`,
  );
}

test("patches that a kustomization names are no resources; that they were left out is said once", (context) => {
  const root = folder(context, {
    "base/kustomization.yaml": "resources: [deployment.yaml]\n",
    "base/deployment.yaml": DEPLOYMENT,
    "overlays/prod/kustomization.yaml":
      "resources: [../../base]\npatches: [{ path: patches/route.yaml }, { path: labels.yaml, target: { kind: Deployment } }]\n",
    "overlays/prod/patches/route.yaml": ROUTE_PATCH,
    "overlays/prod/labels.yaml": JSON_PATCH,
    "overlays/dev/kustomization.yml":
      "patchesStrategicMerge:\n  - more.yaml\n  - |\n    a: b\n    c: d\npatchesJson6902: [{ path: steps.yaml }]\n",
    "overlays/dev/more.yaml": DEPLOYMENT.replace(
      "name: catalog }",
      "name: catalog, annotations: { linkerd.io/inject: enabled } }",
    ),
    "overlays/dev/steps.yaml": "[]\n",
  });
  assert.deepEqual(found(root, "."), ["overlays/dev/more.yaml: patch-not-rendered, hint"]);
  assert.deepEqual(found(root, "overlays/prod/patches"), [
    "overlays/prod/patches/route.yaml: patch-not-rendered, hint",
  ]);
});

test("a patch without a kustomization is known by its form: a list of operations, or $patch", (context) => {
  const root = folder(context, {
    "json.yaml": JSON_PATCH,
    "delete.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: catalog }\n$patch: delete\n",
  });
  assert.deepEqual(found(root, "."), ["delete.yaml: patch-not-rendered, hint"]);
});

test("what only stands beside a kustomization is linted all the same", (context) => {
  const root = folder(context, {
    "kustomization.yaml": "resources: [route.yaml]\n",
    "route.yaml": ROUTE_PATCH,
    "list.yaml": "[1]\n",
  });
  assert.deepEqual(found(root, "."), ["list.yaml: unreadable, problem", "route.yaml: incomplete-parent, problem"]);
});
