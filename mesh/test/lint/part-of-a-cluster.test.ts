import assert from "node:assert/strict";
import { test } from "vitest";
import { lint } from "../../src/lint/lint.ts";
import { readManifests } from "../../src/resources/manifest.ts";

function rules(...documents: string[]): string[] {
  return lint(readManifests(documents.join("---\n"), "a.yaml").manifests).map(({ rule }) => rule);
}

const ROUTE = `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: catalog, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: catalog, port: 50051 }]
  rules: [{ backendRefs: [{ name: catalog, port: 50051 }] }]
`;
const service = (name: string, namespace: string) => `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: a }, ports: [{ port: 50051 }] }
`;
const server = (name: string, labels = "app: catalog") => `apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: { name: ${name}, namespace: shop }
spec: { podSelector: { matchLabels: { ${labels} } }, port: grpc, proxyProtocol: gRPC }
`;

test("nothing is missing as long as nothing of its kind and namespace is at hand", () => {
  assert.deepEqual(rules(ROUTE), []);
  assert.deepEqual(rules(ROUTE, service("catalog", "elsewhere")), []);
  assert.deepEqual(rules(ROUTE, service("orders", "shop")), ["missing-parent", "missing-backend"]);
});

test("a Service without a namespace may be in any", () => {
  const anywhere = service("catalog", "shop").replace(", namespace: shop", "");
  assert.deepEqual(rules(ROUTE, anywhere), []);
});

test("without pods at hand, Servers overlap when they are written alike", () => {
  assert.deepEqual(rules(server("one"), server("two")), ["server-overlap"]);
  assert.deepEqual(rules(server("one"), server("two", "app: orders")), []);
  assert.deepEqual(rules(server("one"), server("one")), []);
});

test("kinds that it knows nothing of, and fields of any shape, are left alone", () => {
  const odd = "apiVersion: example.com/v1\nkind: Odd\nmetadata: { name: a, annotations: [] }\nspec: [1, { a: null }]\n";
  const broken = `${ROUTE.split("spec:")[0]}spec: { parentRefs: 1, rules: [null, 2, { matches: {}, backendRefs: [[]] }] }\n`;
  assert.deepEqual(rules(odd), []);
  assert.ok(rules(broken).includes("incomplete-parent"));
  assert.deepEqual(
    rules("apiVersion: v1\nkind: Service\n", "apiVersion: apps/v1\nkind: Deployment\nspec: { template: 1 }\n"),
    [],
  );
});
