import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "vitest";
import { InvalidResources } from "./problem.ts";
import { loadResources, readResources } from "./read.ts";

const ROUTE = `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: catalog }
spec:
  parentRefs: [{ group: core, kind: Service, name: catalog, port: 50051 }]
  rules:
    - backendRefs: [{ name: catalog-v1, port: 50051 }]
`;
const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: catalog }
spec:
  selector: { app: catalog }
  ports: [{ port: 50051 }]
`;

test("fills in the defaults of the CRDs and the shop's namespace", () => {
  const { resources, problems } = readResources(`${ROUTE}---${SERVICE}`, "a.yaml");
  assert.deepEqual(problems, []);
  assert.deepEqual(resources, [
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "GRPCRoute",
      metadata: { name: "catalog", namespace: "shop", labels: {}, annotations: {} },
      spec: {
        parentRefs: [{ group: "", kind: "Service", name: "catalog", port: 50051 }],
        rules: [
          {
            matches: [],
            filters: [],
            backendRefs: [{ group: "", kind: "Service", name: "catalog-v1", port: 50051, weight: 1 }],
          },
        ],
      },
      policy: { timeouts: {} },
      source: { file: "a.yaml", line: 2 },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "catalog", namespace: "shop", labels: {}, annotations: {} },
      spec: { selector: { app: "catalog" }, ports: [{ port: 50051, targetPort: 50051 }] },
      policy: { timeouts: {} },
      source: { file: "a.yaml", line: 10 },
    },
  ]);
});

test("passes over what Kubernetes itself adds", () => {
  const added = `{ name: catalog, uid: u, resourceVersion: "1", generation: 2, managedFields: [{ a: b }],
    finalizers: [example.com/keep], ownerReferences: [{ apiVersion: apps/v1, kind: Deployment, name: a, uid: u }],
    deletionTimestamp: "2026-11-21T09:00:00Z", deletionGracePeriodSeconds: 30, generateName: cat-,
    creationTimestamp: "2026-11-21T09:00:00Z", annotations: { kubectl.kubernetes.io/last-applied-configuration: "{}", note: mine } }`;
  const text = `${SERVICE.replace("{ name: catalog }", added)}  clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.1]\n  type: ClusterIP
  sessionAffinity: None\n  internalTrafficPolicy: Cluster\n  ipFamilies: [IPv4]\n  ipFamilyPolicy: SingleStack\nstatus: { loadBalancer: {} }`;
  const { resources, problems } = readResources(text, "a.yaml");
  assert.deepEqual(problems, []);
  assert.deepEqual(resources[0]?.metadata, {
    name: "catalog",
    namespace: "shop",
    labels: {},
    annotations: { note: "mine" },
    creationTimestamp: "2026-11-21T09:00:00Z",
  });
});

test("reads a List as its items, each with its line, and typed lists", () => {
  const text =
    "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: ServiceAccount\n    metadata: { name: a }\n  - { apiVersion: v1, kind: ServiceAccount, metadata: { name: b } }\n";
  const typed = "apiVersion: v1\nkind: ServiceAccountList\nitems: [{ metadata: { name: c } }]\n";
  const { resources, problems } = readResources(`${text}---\n${typed}`, "a.yaml");
  assert.deepEqual(problems, []);
  const places = resources.map(({ metadata, source }) => `${metadata.name} in line ${source.line}`);
  assert.deepEqual(places, ["a in line 4", "b in line 7", "c in line 11"]);
});

test("goes on after a broken document, and follows anchors and merges", () => {
  const text = `a: [\n---\n${SERVICE.replace("ports: [{ port: 50051 }]", "ports: [{ <<: &port { port: 50051 } }, { <<: *port, port: 9090 }]")}`;
  const { resources, problems } = readResources(text, "a.yaml");
  assert.deepEqual(
    problems.map(({ line }) => line),
    [2],
  );
  assert.match(problems[0]?.message ?? "", /^Cannot read the YAML: /);
  const [service] = resources;
  assert.ok(service?.kind === "Service");
  assert.deepEqual(
    service.spec.ports.map(({ port }) => port),
    [50051, 9090],
  );
});

test("takes kinds and groups of references in whatever case, as Linkerd compares them", () => {
  const text = `${ROUTE.replace("group: core, kind: Service", "group: Core, kind: service")}---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: { name: catalog }
spec:
  targetRef: { group: Policy.linkerd.io, kind: server, name: catalog-grpc }
  requiredAuthenticationRefs: []
`;
  const { resources, problems } = readResources(text, "a.yaml");
  assert.deepEqual(problems, []);
  const [route, policy] = resources;
  assert.ok(route?.kind === "GRPCRoute" && policy?.kind === "AuthorizationPolicy");
  assert.equal(route.spec.parentRefs[0]?.kind, "Service");
  assert.deepEqual(policy.spec.targetRef, { group: "policy.linkerd.io", kind: "Server", name: "catalog-grpc" });
});

test("a folder's tests are no resources of it, so the whole of mesh/ can be applied", () => {
  const mesh = join(import.meta.dirname, "../..");
  const folders = ["policy", "routes", "services"].map((folder) => join(mesh, folder));
  const applied = loadResources([mesh]).map(({ source, metadata }) => `${source.file} ${metadata.name}`);
  assert.deepEqual(
    applied,
    loadResources(folders).map(({ source, metadata }) => `${source.file} ${metadata.name}`),
  );
  assert.ok(applied.length > 100);
});

test("refuses documents that are no manifests", () => {
  const { problems } = readResources("- a\n---\nkind: Service\n---\n# nothing\n", "a.yaml");
  assert.deepEqual(
    problems.map(({ line, message }) => `${line}: ${message}`),
    [
      "1: Cannot read the document: it is no mapping with apiVersion and kind",
      "3: Cannot read the document: apiVersion is missing; write it",
    ],
  );
});

test("finds every problem of a resource in one go, by line", () => {
  const text = ROUTE.replace("name: catalog }", "name: Catalog }").replace("port: 50051 }]\n", "port: 0 }]\n");
  const { problems } = readResources(text.replace("name: catalog-v1", "weight: -1"), "a.yaml");
  assert.deepEqual(
    problems.map(({ line, path }) => `${line} ${path}`),
    [
      "4 metadata.name",
      "6 spec.parentRefs[0].port",
      "8 spec.rules[0].backendRefs[0].name",
      "8 spec.rules[0].backendRefs[0].weight",
    ],
  );
});

test("loads folders by name, with the folders in them, and nothing but YAML", (context) => {
  const folder = project(context, {
    "b.yaml": SERVICE,
    "a/c.yml": ROUTE,
    "a/notes.txt": "none",
    ".hidden/x.yaml": "broken: [",
  });
  const loaded = loadResources([folder]).map(({ kind, source }) => `${kind} ${source.file.slice(folder.length + 1)}`);
  assert.deepEqual(loaded, ["GRPCRoute a/c.yml", "Service b.yaml"]);
});

test("names all problems of all files in one error", (context) => {
  const folder = project(context, {
    "a.yaml": SERVICE.replace("port: 50051", "port: none"),
    "b.yaml": SERVICE.replace("selector", "select"),
    "c.yaml": SERVICE,
  });
  assert.throws(
    () => loadResources([folder]),
    (error) => {
      assert.ok(error instanceof InvalidResources);
      assert.equal(error.problems.length, 2);
      assert.match(error.message, /a\.yaml:7: Cannot use Service shop\/catalog, .*\n.*b\.yaml:6: Cannot use/);
      return true;
    },
  );
});

test("refuses what is written twice, and routes on a headless Service", (context) => {
  const folder = project(context, {
    "a.yaml": SERVICE.replace("spec:", "spec:\n  clusterIP: None"),
    "b.yaml": ROUTE,
    "c.yaml": ROUTE,
  });
  assert.throws(
    () => loadResources([folder]),
    /c\.yaml:2: Cannot use GRPCRoute shop\/catalog: it is also written in .*b\.yaml:2; remove one/,
  );
  assert.throws(() => loadResources([join(folder, "a.yaml"), join(folder, "b.yaml")]), /Service catalog is headless/);
});

test("refuses references that lead out of the namespace where Linkerd does not follow them", (context) => {
  const policy = `apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: { name: all }
spec: { targetRef: { kind: Namespace, name: default }, requiredAuthenticationRefs: [] }
`;
  const inbound = `${ROUTE.split("spec:")[0]}spec:
  parentRefs: [{ group: policy.linkerd.io, kind: Server, name: catalog, namespace: default }]
  rules: [{}]
`;
  const folder = project(context, { "a.yaml": policy, "b.yaml": inbound });
  assert.throws(
    () => loadResources([folder]),
    new RegExp(
      "a.yaml:1: Cannot use AuthorizationPolicy shop/all, spec.targetRef.name: it is the Namespace default; write shop, .*\n" +
        ".*b.yaml:2: Cannot use GRPCRoute shop/catalog, spec.parentRefs.0.: Server catalog is in default; write the route there",
    ),
  );
});

function project(context: Pick<TestContext, "onTestFinished">, files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "resources-"));
  context.onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}
