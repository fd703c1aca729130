import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type TestContext, test } from "vitest";
import { readContracts } from "../../src/lint/contracts.ts";
import { loadSchemas } from "../../src/lint/crd-schemas.ts";
import { lintPaths } from "../../src/lint/lint.ts";
import { SERVED_VERSIONS } from "../../src/lint/rules/versions.ts";
import { loadResources } from "../../src/resources/read.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const GOOD = join(import.meta.dirname, "good");
const FINE = join(import.meta.dirname, "fine");
const OWN = ["mesh/services", "mesh/policy", "mesh/routes", "k8s"].map((path) => join(ROOT, path)).filter(existsSync);
const CRDS = resolve(ROOT, "../shared/crds");
const skipWithoutCrds = (context: TestContext) => context.skip(!existsSync(CRDS), `there are no CRDs in ${CRDS}`);

const contracts = readContracts(readFileSync(new URL(import.meta.resolve("@row/gen/contracts.binpb"))));

test("finds nothing in good manifests", () => {
  assert.deepEqual(lintPaths([GOOD], { contracts }), []);
});

// Each is right, and reads like something that is wrong.
for (const file of readdirSync(FINE).sort()) {
  test(`finds nothing wrong with ${file.replace(/\.yaml$/, "").replaceAll("-", " ")}`, () => {
    assert.deepEqual(lintPaths([join(FINE, file)], { contracts }), []);
  });
}

test("finds nothing in the shop's own manifests", () => {
  assert.deepEqual(lintPaths(OWN, { contracts }), []);
});

test("the shop's own manifests are all obeyed on a laptop", () => {
  const resources = loadResources(OWN.filter((path) => !path.endsWith("k8s")));
  assert.ok(resources.some(({ kind }) => kind === "GRPCRoute"));
});

for (const release of ["gateway-api", "gateway-api-v1.2.1"]) {
  test(`the CRDs of ${release} and of Linkerd take good manifests and the shop's own`, (context) => {
    skipWithoutCrds(context);
    const schemas = loadSchemas([join(CRDS, release), join(CRDS, "linkerd")]);
    assert.ok(schemas.validators.has("gateway.networking.k8s.io/v1 GRPCRoute"));
    assert.deepEqual(lintPaths([GOOD], { schemas }), []);
    assert.deepEqual(lintPaths(OWN, { schemas }), []);
  });
}

test("a version counts as served when Linkerd's CRDs or either release of the Gateway API serve it", (context) => {
  skipWithoutCrds(context);
  const { kinds } = loadSchemas([CRDS]);
  for (const [kind, versions] of Object.entries(SERVED_VERSIONS))
    assert.deepEqual([...versions].sort(), [...new Set(kinds.get(kind))].sort(), kind);
});

test("the CRDs see what Linkerd's own rules need not", (context) => {
  skipWithoutCrds(context);
  const schemas = loadSchemas([CRDS]);
  const rules = (file: string) =>
    lintPaths([join(import.meta.dirname, "bad", file)], { schemas }).map(({ rule }) => rule);
  assert.deepEqual(rules("grpcroute-version.yaml"), ["grpcroute-version", "crd-version"]);
  assert.deepEqual(rules("unknown-route-field.yaml"), ["unknown-route-field", "crd-unknown-field"]);
});
