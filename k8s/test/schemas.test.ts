// The manifests against Kubernetes' own schemas: those of kubernetes-models 5.1, which stand for Kubernetes 1.36, the newest that
// Linkerd is tried with; no field newer than 1.31 is used. What CustomResourceDefinitions and Linkerd ask is the mesh's lint's.
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { readContracts } from "@row/mesh/lint/contracts.ts";
import { loadSchemas } from "@row/mesh/lint/crd-schemas.ts";
import { lintPaths } from "@row/mesh/lint/lint.ts";
import { test } from "vitest";
import { parseAllDocuments } from "yaml";
import { renderedFiles, shopAt } from "../src/profiles.ts";
import { type KubeObject, parse, root, shop } from "./manifests.ts";

const OWN = ["mesh/services", "mesh/policy", "mesh/routes", "k8s/rendered"].map((path) => join(root, path));
const CRDS = resolve(root, "../shared/crds");

test("every object is what Kubernetes' schema asks for, without a field that it does not know", async () => {
  const problems = await Promise.all(everything().filter(isKubernetesOwn).map(problemsOf));
  assert.deepEqual(problems.flat(), []);
  assert.ok(problems.length > 80);
});

test("a wrong type, a missing field and a misspelt one would each be seen", async () => {
  const [object] =
    parse(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {replicas: two, selector: {},
    template: {spec: {containers: [{image: a, imagePolicy: Never}]}}}}`);
  assert.ok(object);
  const found = (await problemsOf(object)).join("\n");
  for (const wanted of ["/spec/replicas type", 'required {"missingProperty":"name"}', "/imagePolicy unknown"]) {
    assert.match(found, new RegExp(wanted));
  }
});

test("the mesh's lint finds nothing in all of it together", () => {
  const contracts = readContracts(readFileSync(new URL(import.meta.resolve("@row/gen/contracts.binpb"))));
  assert.deepEqual(lintPaths(OWN, { contracts }), []);
});

for (const release of ["gateway-api", "gateway-api-v1.2.1"]) {
  test(`the CRDs of ${release} and of Linkerd take all of it`, (context) => {
    context.skip(!existsSync(CRDS), `there are no CRDs in ${CRDS}`);
    const schemas = loadSchemas([join(CRDS, release), join(CRDS, "linkerd")]);
    assert.deepEqual(lintPaths(OWN, { schemas }), []);
  });
}

test("what is committed is what is rendered", () => {
  const files = renderedFiles(shop);
  const present = globSync("k8s/rendered/{*.txt,*/*.yaml}", { cwd: root }).sort();
  assert.deepEqual(present, [...files.keys()].sort());
  for (const file of present) assert.equal(readFileSync(join(root, file), "utf8"), files.get(file), file);
});

test("rendering twice gives the same files", () => {
  assert.deepEqual([...renderedFiles(shopAt(root))], [...renderedFiles(shop)]);
});

test("kubectl, which reads YAML 1.1, and everybody else read the same", () => {
  for (const [file, text] of renderedFiles(shop)) {
    if (!file.endsWith(".yaml")) continue;
    assert.deepEqual(
      parse(text),
      parseAllDocuments(text).map((document) => document.toJS()),
      file,
    );
  }
});

test("no two objects have the same kind and name", () => {
  const names = everything().map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`);
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

/** Of every profile. */
function everything(): KubeObject[] {
  return [...renderedFiles(shop)].flatMap(([file, text]) => (file.endsWith(".yaml") ? parse(text) : []));
}

function isKubernetesOwn({ apiVersion }: KubeObject): boolean {
  return !apiVersion.includes("linkerd.io") && !apiVersion.startsWith("gateway.networking.k8s.io");
}

async function problemsOf(object: KubeObject): Promise<string[]> {
  const { apiVersion, kind, metadata } = object;
  const [version = "", group = "core"] = apiVersion.split("/").reverse();
  const name = ["IoK8sApi", group.split(".")[0] ?? "", version].map(capitalized).join("") + kind;
  const { validate }: { validate: Validator } = await import(`kubernetes-models/_schemas/${name}`);
  const read = new Set<string>();
  const isValid = validate(observed(object, "", read));
  const problems = (isValid ? [] : (validate.errors ?? [])).map(
    ({ instancePath, keyword, params }) => `${instancePath} ${keyword} ${JSON.stringify(params)}`,
  );
  // A validator asks for every field that the schema has: what it never asks for is none.
  const unknown = pathsOf(object, "").filter((path) => !read.has(path));
  return [...problems, ...unknown.map((path) => `${path} unknown`)].map(
    (problem) => `${kind} ${metadata.name}: ${problem}`,
  );
}

interface Validator {
  (value: unknown): boolean;
  errors?: { instancePath: string; keyword: string; params: unknown }[] | null;
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** The same object, which notes the path of every field that somebody reads. */
function observed<T>(value: T, path: string, read: Set<string>): T {
  if (typeof value !== "object" || value === null) return value;
  return new Proxy(value, {
    get(target, key) {
      const found: unknown = Reflect.get(target, key);
      if (typeof key !== "string") return found;
      read.add(`${path}/${key}`);
      return observed(found, `${path}/${key}`, read);
    },
  });
}

function pathsOf(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [`${path}/${key}`, ...pathsOf(inner, `${path}/${key}`)]);
}
