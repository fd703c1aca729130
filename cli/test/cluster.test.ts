// `row --on kubernetes` with a stand-in for kubectl that answers from a file and notes what it is asked.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { Metadata, Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Finding } from "@row/laptop/checkup/finding.ts";
import { createAuthority } from "@row/mesh/identity/certificate.ts";
import { readManifests } from "@row/mesh/resources/manifest.ts";
import { yamlFiles } from "@row/mesh/resources/read.ts";
import { loadContracts } from "@row/topology/contracts.ts";
import { type TestContext, test } from "vitest";
import { findMethod } from "../src/dynamic-client.ts";
import type { ClusterState, LiveObject } from "./kubectl-stand-in.ts";

const root = join(import.meta.dirname, "../..");
const written = ["services", "policy", "routes"]
  .flatMap((folder) => yamlFiles(join(root, "mesh", folder)))
  .flatMap((file) => readManifests(readFileSync(file, "utf8"), file).manifests.map(({ value }) => value as LiveObject)); // the project's own

const CLUSTER_IP = { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], ipFamilies: ["IPv4"], type: "ClusterIP" };

/** The project's mesh as a cluster has it, with what a cluster adds to each object. */
const objects: LiveObject[] = written.map(({ metadata, ...rest }, index) => ({
  ...rest,
  metadata: {
    ...metadata,
    annotations: { ...Object(metadata.annotations), "kubectl.kubernetes.io/last-applied-configuration": "{}" },
    creationTimestamp: "2026-11-20T10:00:00Z",
    generation: 1,
    managedFields: [],
    resourceVersion: String(100 + index),
    uid: String(index),
  },
  spec: filledIn(rest),
  status: {},
}));
const v2: LiveObject = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "catalog-v2", namespace: "shop", resourceVersion: "1" },
  spec: {
    selector: { "app.kubernetes.io/name": "catalog", "app.kubernetes.io/version": "v2" },
    ports: [{ port: 50051, targetPort: "grpc" }],
  },
};
const pod = (version: string, isReady = true): LiveObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: `catalog-${version}-abc`,
    namespace: "shop",
    resourceVersion: "1",
    labels: { "app.kubernetes.io/name": "catalog", "app.kubernetes.io/version": version },
  },
  spec: { containers: [{ name: "catalog" }], initContainers: [{ name: "linkerd-proxy" }] },
  status: { conditions: [{ type: "Ready", status: isReady ? "True" : "False" }] },
});
const CATALOG_ROUTES = objects
  .filter(({ kind, spec }) => kind === "GRPCRoute" && parentOf(spec) === "catalog")
  .map(({ metadata }) => metadata.name);

test("a split changes the weights of every route of the service, and nothing else in the cluster", async (context) => {
  const cluster = clusterOf(context, { objects: [...objects, v2, pod("v1"), pod("v2")] });
  const { status, stdout, stderr } = await cluster.row("split", "catalog", "v1=90", "v2=10");
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.match(stdout, new RegExp(`^${CATALOG_ROUTES.length} routes +v1=90 \\(90 %\\) +v2=10 \\(10 %\\)$`, "m"));

  const expected = [...objects, v2, pod("v1"), pod("v2")].map((object) => structuredClone(object));
  for (const object of expected) {
    if (object.kind !== "GRPCRoute" || parentOf(object.spec) !== "catalog") continue;
    object.metadata.resourceVersion += "1";
    for (const rule of rulesOf(object)) {
      rule.backendRefs = [
        { group: "", kind: "Service", name: "catalog-v1", port: 50051, weight: 90 },
        { group: "", kind: "Service", name: "catalog-v2", port: 50051, weight: 10 },
      ];
    }
  }
  assert.deepEqual(cluster.state().objects, JSON.parse(JSON.stringify(expected)));
  const verbs = cluster
    .calls()
    .map((args) => args.find((arg) => /^(get|patch|apply|replace|delete|create)$/.test(arg)));
  assert.deepEqual([...new Set(verbs)].sort(), ["get", "patch"]);
  const patched = cluster.patches();
  // Each is tried before any is changed.
  assert.deepEqual(
    patched.map(({ isDry }) => isDry),
    [...CATALOG_ROUTES.map(() => true), ...CATALOG_ROUTES.map(() => false)],
  );
  for (const { steps, name } of patched) {
    const [version, ...rest] = steps;
    assert.deepEqual(version, {
      op: "replace",
      path: "/metadata/resourceVersion",
      value: objects.find(({ metadata }) => metadata.name === name)?.metadata.resourceVersion,
    });
    for (const { op, path } of rest) assert.match(`${op} ${path}`, /^replace \/spec\/rules\/\d+\/backendRefs$/);
  }
});

test("a split is given back to every rule as it was printed, and what is no such print is refused", async (context) => {
  const cluster = clusterOf(context, { objects: [...objects, v2, pod("v1"), pod("v2")] });
  const before = (await cluster.row("split", "catalog", "--json")).stdout;
  await cluster.row("split", "catalog", "v1=1", "v2=1");
  const file = join(mkdtempSync(join(tmpdir(), "row-split-")), "before.json");
  context.onTestFinished(() => rmSync(join(file, ".."), { recursive: true }));
  writeFileSync(file, before);
  const restored = await cluster.row("split", "catalog", "--restore", file, "--json");
  assert.equal(restored.stderr, "");
  assert.deepEqual(JSON.parse(restored.stdout), JSON.parse(before));
  const other = await cluster.row("split", "orders", "--restore", file);
  assert.match(other.stderr, /Cannot restore from .*: it is not what `npx row split orders --json` prints/);
  const both = await cluster.row("split", "catalog", "v1=1", "--restore", file);
  assert.match(both.stderr, /leave the weights or --restore out/);
});

test("a route that somebody else changes meanwhile is read and changed again", async (context) => {
  const [first = ""] = CATALOG_ROUTES;
  const cluster = clusterOf(context, { objects: [...objects, v2, pod("v1"), pod("v2")], conflicts: { [first]: 2 } });
  const { status, stderr } = await cluster.row("split", "catalog", "v1=1", "v2=1");
  assert.equal(status, 0, stderr);
  assert.equal(cluster.patches().filter(({ name, isDry }) => name === first && !isDry).length, 3);
  const route = cluster.state().objects.find(({ metadata }) => metadata.name === first);
  assert.deepEqual(weightsOf(route), [[1, 1]]);
  assert.ok(
    route?.metadata.annotations && "touched" in Object(route.metadata.annotations),
    "what the other has written is still there",
  );
});

test("when one route is refused none is changed, whenever the refusal comes", async (context) => {
  const last = CATALOG_ROUTES.at(-1) ?? "";
  for (const early of [true, false]) {
    const says = `error: admission webhook "linkerd-policy-validator.linkerd.io" denied the request`;
    const cluster = clusterOf(context, {
      objects: [...objects, v2, pod("v1"), pod("v2")],
      refusals: { [last]: { says, early } },
    });
    const { status, stderr } = await cluster.row("split", "catalog", "v1=90", "v2=10");
    assert.equal(status, 1);
    assert.match(stderr, /denied the request/);
    const split = cluster
      .state()
      .objects.filter(({ kind }) => kind === "GRPCRoute")
      .flatMap(weightsOf);
    assert.ok(
      split.every((weights) => weights.length <= 1),
      stderr,
    );
    const changed = cluster.patches().filter(({ isDry }) => !isDry);
    assert.equal(changed.length > 0, !early);
    if (!early) assert.match(stderr, /every route is as it was/);
  }
});

test("a split to a version without a ready instance is refused before anything is asked to change", async (context) => {
  const cluster = clusterOf(context, { objects: [...objects, v2, pod("v1"), pod("v2", false)] });
  const { status, stderr } = await cluster.row("split", "catalog", "v1=90", "v2=10");
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^Cannot send calls to catalog v2: no instance of it is ready, of v1 there are\. Start it with `tilt trigger catalog-v2`/,
  );
  assert.deepEqual(cluster.patches(), []);
  assert.match(
    (await cluster.row("split", "catalog", "v3=1")).stderr,
    /^Cannot split catalog: there is no Service for v3/,
  );
});

test("a dry run of a split asks whatever would be refused, shows what would be, and changes nothing", async (context) => {
  const state = [...objects, v2, pod("v1"), pod("v2")];
  const cluster = clusterOf(context, { objects: state });
  const { status, stdout, stderr } = await cluster.row("split", "catalog", "v1=90", "v2=10", "--dry-run");
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    new RegExp(`^${CATALOG_ROUTES.length} routes +v1=90 \\(90 %\\) +v2=10 \\(10 %\\)\nNothing is changed`),
  );
  assert.deepEqual(
    cluster.patches().map(({ isDry }) => isDry),
    CATALOG_ROUTES.map(() => true),
  );
  assert.deepEqual(cluster.state().objects, JSON.parse(JSON.stringify(state)));
  const refusals = { [CATALOG_ROUTES.at(-1) ?? ""]: { says: "error: denied the request", early: true } };
  const refusing = await clusterOf(context, { objects: state, refusals }).row(
    "split",
    "catalog",
    "v1=9",
    "v2=1",
    "--dry-run",
  );
  assert.equal(refusing.status, 1);
  assert.match(refusing.stderr, /denied the request/);
});

test("without weights a split is only shown", async (context) => {
  const cluster = clusterOf(context, { objects });
  const { stdout } = await cluster.row("split", "catalog");
  assert.match(stdout, /v1=1 \(100 %\)/);
  const { service, splits } = JSON.parse((await cluster.row("split", "catalog", "--json")).stdout);
  assert.equal(service, "catalog");
  assert.ok(splits.every(({ weights }: { weights: unknown }) => JSON.stringify(weights).includes('"v1"')));
  assert.deepEqual(cluster.patches(), []);
});

test("get shows what the cluster has as it shows a laptop's, and names what it cannot show", async (context) => {
  const entrance: LiveObject = {
    ...v2,
    metadata: { ...v2.metadata, name: "edge-public" },
    spec: { ...v2.spec, type: "NodePort" },
  };
  const sticky: LiveObject = {
    ...v2,
    metadata: { ...v2.metadata, name: "sticky" },
    spec: { ...v2.spec, sessionAffinity: "ClientIP" },
  };
  const cluster = clusterOf(context, { objects: [...objects, entrance, sticky] });
  const { stdout, stderr } = await cluster.row("get", "services");
  assert.match(stdout, /^NAME +PODS +DETAIL +AGE +SOURCE\n/);
  assert.match(stdout, /^catalog +catalog +port 50051,9090 +\w+ +the cluster$/m);
  assert.match(stderr, /^Left out: Cannot use Service shop\/sticky/);
  assert.doesNotMatch(stderr, /edge-public/, "a way in from outside is not the mesh's");
  const yaml = (await cluster.row("get", "grpcroute", "catalog-other", "-o", "yaml")).stdout;
  assert.match(yaml, /^apiVersion: gateway/);
  assert.doesNotMatch(yaml, /managedFields|last-applied|uid/);
  const [asked = []] = cluster.calls().slice(-1);
  assert.ok(asked.includes("grpcroutes.gateway.networking.k8s.io"), "other groups have kinds of the same name");
});

test("mesh authz follows the policies that the cluster has", async (context) => {
  const without = objects.filter(({ metadata }) => metadata.name !== "catalog-for-cart-edge-and-toolbox");
  const cell = async (of: LiveObject[]) => {
    const rows: { path: string; callers: Record<string, { decision: string }> }[] = JSON.parse(
      (await clusterOf(context, { objects: of }).row("mesh", "authz", "catalog", "--json")).stdout,
    );
    return rows.find(({ path }) => path.endsWith("/GetProduct"))?.callers.edge?.decision;
  };
  assert.equal(await cell(objects), "allow");
  assert.ok(without.length < objects.length);
  assert.equal(await cell(without), "deny");
});

test("stat asks Prometheus for what the callers' sidecars count", async (context) => {
  const labels = {
    deployment: "edge-v1",
    parent_name: "catalog",
    backend_name: "catalog-v2",
    route_name: "catalog-fast",
  };
  const queries: string[] = [];
  const series = (query: string) => {
    if (query.includes("duration_seconds"))
      return [{ metric: labels, value: [0, query.includes("(0.5,") ? "0.0012" : "NaN"] }];
    return [
      { metric: { ...labels, grpc_status: "OK", error: "" }, value: [0, "7.5"] },
      { metric: { ...labels, grpc_status: "NOT_FOUND", error: "" }, value: [0, "1.5"] },
      { metric: { ...labels, grpc_status: "", error: "FAIL_FAST" }, value: [0, "1"] },
      { metric: { ...labels, backend_name: "catalog-v1", grpc_status: "OK", error: "" }, value: [0, "0"] },
    ];
  };
  const prometheus = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://prometheus").searchParams.get("query") ?? "";
    queries.push(query);
    response.end(JSON.stringify({ status: "success", data: { result: series(query) } }));
  });
  await new Promise<void>((resolve) => prometheus.listen(0, "127.0.0.1", resolve));
  context.onTestFinished(() => void prometheus.close());
  const port = portOf(prometheus.address());

  const forwarded = clusterOf(context, { objects: [], ports: { "service/prometheus:9090": port } });
  const { stdout, stderr } = await forwarded.row("stat", "catalog");
  assert.equal(stderr, "");
  assert.deepEqual(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/)),
    [
      ["CLIENT", "SERVICE", "BACKEND", "ROUTE", "SUCCESS", "RPS", "P50", "P95", "P99"],
      ["edge-v1", "catalog", "catalog-v2", "catalog-fast", "90.00 %", "10.0", "1.20 ms", "-", "-"],
    ],
  );
  assert.deepEqual(forwarded.calls()[0]?.slice(-3), ["port-forward", "service/prometheus", ":9090"]);
  assert.ok(queries.every((query) => query.includes('namespace="shop"')));

  const longer = await forwarded.row("stat", "catalog", "--window", "5m", "-o", "wide");
  assert.match(longer.stdout, / RETRIES +TIMEOUTS\n.* - +0\n$/);
  assert.ok(queries.slice(-4).every((query) => query.includes("[300s]")));
  assert.match(
    (await forwarded.row("stat", "--window", "30s")).stderr,
    /^Cannot look back so little: Prometheus looks every 15 s, so give 1m or more\n$/,
  );

  const given = clusterOf(context, { objects: [] });
  const answer = await given.row("stat", "orders", "--prometheus", `http://127.0.0.1:${port}`);
  assert.equal(answer.stdout, "No calls in the last 60 seconds.\n", answer.stderr);
  assert.deepEqual(given.calls(), []);
  const absent = await given.row("stat");
  assert.match(
    absent.stderr,
    /^Cannot show calls: there is no Prometheus in the namespace observability\. Run `tilt up -- --observability`/,
  );
});

test("call goes out of the toolbox's pod, signs in there, and tells who answered", async (context) => {
  const contracts = loadContracts(root);
  const seen: string[] = [];
  const answering = (name: string, answer: JsonObject) => {
    const method = findMethod(contracts, name);
    const path = `/${method.parent.typeName}/${method.name}`;
    const bytes = Buffer.from(toBinary(method.output, fromJson(method.output, answer)));
    const definition = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    };
    const implementation: UntypedServiceImplementation = {
      [method.name](
        call: { metadata: Metadata; sendMetadata(metadata: Metadata): void },
        done: (error: null, value: Buffer) => void,
      ) {
        seen.push(`${path} ${call.metadata.get("authorization").join()}`);
        const headers = new Metadata();
        headers.set("x-served-by", "catalog/v2/catalog-v2-abc");
        call.sendMetadata(headers);
        done(null, bytes);
      },
    };
    return { definition: { [method.name]: definition }, implementation };
  };
  const server = new Server();
  for (const { definition, implementation } of [
    answering("AuthService.Login", { accessToken: "a-token" }),
    answering("CatalogService.ListCategories", {}),
  ]) {
    server.addService(definition, implementation);
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
  context.onTestFinished(() => server.forceShutdown());
  const secret: LiveObject = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "demo", namespace: "shop", resourceVersion: "1" },
    data: { DEMO_PASSWORD: Buffer.from("row-word").toString("base64") },
  };
  const cluster = clusterOf(context, { objects: [secret], ports: { "catalog:50051": port, "auth:50051": port } });
  const { status, stdout, stderr } = await cluster.row("call", "ListCategories", "{}", "--as", "alice");
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), { categories: [] });
  assert.match(stderr, /^Served by catalog\/v2\/catalog-v2-abc$/m);
  assert.deepEqual(seen, [
    "/shop.auth.v1.AuthService/Login ",
    "/shop.catalog.v1.CatalogService/ListCategories Bearer a-token",
  ]);
  const [exec = []] = cluster.calls().filter((args) => args.includes("exec"));
  assert.deepEqual(exec.slice(exec.indexOf("exec")), [
    "exec",
    "--stdin",
    "deploy/toolbox",
    "--container=toolbox",
    "--",
    "nc",
    "auth",
    "50051",
  ]);

  const elsewhere = await cluster.row("call", "ListCategories", "--address", "catalog-v9:50051", "--timeout", "5");
  assert.equal(elsewhere.status, 1);
  assert.match(elsewhere.stderr, /exit code 1|bad address/);
});

test("a restart rolls every version of a service, one after the other, and waits for each", async (context) => {
  const versions = ["catalog-v1", "catalog-v2"].map((name): LiveObject => {
    const labels = { "app.kubernetes.io/name": "catalog" };
    return {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace: "shop", resourceVersion: "1", labels },
    };
  });
  const cluster = clusterOf(context, { objects: versions });
  const { status, stdout, stderr } = await cluster.row("restart", "catalog");
  assert.equal(status, 0, stderr);
  assert.equal(stdout, "deployment.apps/catalog-v1 serves again\ndeployment.apps/catalog-v2 serves again\n");
  const rolled = cluster
    .calls()
    .filter((args) => args.includes("rollout"))
    .map((args) => args.slice(args.indexOf("rollout") + 1, args.indexOf("rollout") + 3).join(" "));
  assert.deepEqual(rolled, [
    "restart deployment.apps/catalog-v1",
    "status deployment.apps/catalog-v1",
    "restart deployment.apps/catalog-v2",
    "status deployment.apps/catalog-v2",
  ]);
  assert.match(
    (await cluster.row("restart", "nothing")).stderr,
    /^Cannot restart nothing: no Deployment or StatefulSet has its name; `kubectl -n shop get deployments,statefulsets`/,
  );
});

/** A cluster in which nothing is wrong: an instance of everything, and whatever says so. */
async function wellCluster() {
  const services = [...new Set(objects.flatMap(({ kind, spec }) => (kind === "GRPCRoute" ? [parentOf(spec)] : [])))];
  const pods = services.map((service): LiveObject => {
    const { metadata, ...rest } = pod("v1");
    const labels = { ...Object(metadata.labels), "app.kubernetes.io/name": service };
    return { ...rest, metadata: { ...metadata, name: `${service}-v1-abc`, labels } };
  });
  const accepted = [
    { type: "Accepted", status: "True", observedGeneration: 1 },
    { type: "ResolvedRefs", status: "True", observedGeneration: 1 },
  ];
  const routed = objects.map((object) =>
    object.kind === "GRPCRoute" ? { ...object, status: { parents: [{ conditions: accepted }] } } : object,
  );
  const namespace: LiveObject = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: "shop",
      namespace: "shop",
      resourceVersion: "1",
      annotations: { "linkerd.io/inject": "enabled" },
    },
  };
  const linkerd = (kind: string, name: string, data: object): LiveObject => {
    return { apiVersion: "v1", kind, metadata: { name, namespace: "linkerd", resourceVersion: "1" }, data };
  };
  const identity = async (issuerMs: number) => {
    const issuer = (await createAuthority("identity.linkerd.cluster.local", issuerMs)).certificate.toString("pem");
    const anchor = (await createAuthority("root.linkerd.cluster.local", 3_650 * DAY_MS)).certificate.toString("pem");
    return [
      linkerd("Secret", "linkerd-identity-issuer", { "crt.pem": Buffer.from(issuer).toString("base64") }),
      linkerd("ConfigMap", "linkerd-identity-trust-roots", { "ca-bundle.crt": anchor }),
    ];
  };
  return { pods, routed, namespace, identity };
}

const DAY_MS = 24 * 3_600_000;

async function findingsOf(cluster: ReturnType<typeof clusterOf>): Promise<{ status: number | null; bad: string[] }> {
  const { status, stdout, stderr } = await cluster.row("check", "--json");
  assert.equal(stderr, "");
  const { findings }: { findings: Finding[] } = JSON.parse(stdout);
  const worth = findings.filter(({ outcome }) => outcome !== "good");
  return { status, bad: worth.map(({ subject, outcome, says }) => `${outcome} ${subject} ${says}`) };
}

test("check has nothing to say of a cluster whose mesh is whole, and tells of each part", async (context) => {
  const { pods, routed, namespace, identity } = await wellCluster();
  const state = [...routed, ...pods, namespace, ...(await identity(300 * DAY_MS))];
  const cluster = clusterOf(context, { objects: state, injects: true });
  assert.deepEqual(await findingsOf(cluster), { status: 0, bad: [] });
  const { stdout } = await cluster.row("check");
  const subjects = stdout.split("\n").flatMap((line) => /^✓ {2}(\S+(?: \S+)*?) {2}/.exec(line)?.[1] ?? []);
  assert.deepEqual(subjects, ["sidecars", "injector", "routes", "shares", "issuer", "trust anchor"]);
});

test("check fails by name where a pod has no sidecar and the injector gives none, though all are ready", async (context) => {
  const { pods, routed, namespace, identity } = await wellCluster();
  const bare = pods.map((one) => ({ ...one, spec: { containers: [{ name: "app" }] } }));
  const done: LiveObject = { ...pod("v1"), metadata: { ...pod("v1").metadata, name: "catalog-migrate-xyz" } };
  const finished = { ...done, spec: { containers: [{ name: "migrate" }] }, status: { phase: "Succeeded" } };
  const state = [...routed, ...bare, finished, namespace, ...(await identity(300 * DAY_MS))];
  const { status, bad } = await findingsOf(clusterOf(context, { objects: state, injects: false }));
  assert.equal(status, 1);
  assert.deepEqual(bad, [
    ...bare.map(({ metadata }) => `bad sidecars ${metadata.name} has none`),
    "bad injector gives a new pod no sidecar",
  ]);
});

test("check fails by name where a route is refused, old or nobody's, and where a share goes to nobody", async (context) => {
  const { pods, routed, namespace, identity } = await wellCluster();
  const [first = "", second = "", third = ""] = CATALOG_ROUTES;
  const conditionsOf: Readonly<Record<string, object[]>> = {
    [first]: [
      { type: "Accepted", status: "True", observedGeneration: 1 },
      { type: "ResolvedRefs", status: "False", reason: "BackendNotFound", observedGeneration: 1 },
    ],
    [second]: [{ type: "Accepted", status: "True", observedGeneration: 0 }],
    [third]: [],
  };
  const changed = routed.map((object) => {
    const conditions = conditionsOf[object.metadata.name];
    return object.kind === "GRPCRoute" && conditions ? { ...object, status: { parents: [{ conditions }] } } : object;
  });
  const asleep = pods.filter(({ metadata }) => metadata.name !== "orders-v1-abc");
  const state = [...changed, ...asleep, namespace, ...(await identity(20 * DAY_MS))];
  const { status, bad } = await findingsOf(clusterOf(context, { objects: state }));
  assert.equal(status, 1);
  assert.deepEqual(bad, [
    'warning injector cannot be tried: kubectl refused: Error from server (Forbidden): pods is forbidden: User "me" cannot create',
    `bad routes ${first} is not ResolvedRefs: BackendNotFound`,
    `bad routes ${second} has changed, and nobody has looked at it since`,
    `bad routes ${third} is taken by nobody`,
    "bad shares orders v1 gets calls, and no instance of it is ready",
    "warning issuer runs out in 19 days",
  ]);
  const over = [...routed, ...pods, namespace, ...(await identity(-DAY_MS))];
  assert.deepEqual((await findingsOf(clusterOf(context, { objects: over, injects: true }))).bad, [
    "bad issuer ran out 24 h ago",
  ]);
});

test("says what is wrong with kubectl's configuration, and what has no meaning in a cluster", async (context) => {
  const cluster = clusterOf(context, { objects: [] });
  assert.match(
    (await cluster.row("--context", "kind-nothing", "split", "catalog")).stderr,
    /^Cannot reach a cluster: error: context "kind-nothing" does not exist/,
  );
  assert.match(
    (await cluster.row("logs")).stderr,
    /^Cannot run logs on kubernetes: there are check, restart, call, stat, split, get, mesh/,
  );
  assert.equal((await cluster.row("mesh", "lint", "--rules")).status, 0, "what looks at files does the same anywhere");
  const path = process.execPath.replace(/\/node$/, "");
  const alone = existsSync(join(path, "kubectl")) ? "/nonexistent" : path;
  assert.match(
    (await cluster.row("split", "catalog", { PATH: alone })).stderr,
    /^Cannot ask a cluster: there is no kubectl on the PATH/,
  );
  assert.match(
    (await run(["--context", "kind-dev", "status"], {})).stderr,
    /^Cannot use --context: it is for --on kubernetes/,
  );
});

/** A spec with what a cluster fills in: defaults, and addresses. */
function filledIn({ kind, spec }: Pick<LiveObject, "kind" | "spec">): LiveObject["spec"] {
  if (kind === "Service") return { ...spec, ...CLUSTER_IP };
  if (kind !== "GRPCRoute") return spec;
  const rules = rulesOf({ spec }).map(({ backendRefs, ...rule }) => {
    return {
      ...rule,
      ...(backendRefs && { backendRefs: backendRefs.map((ref) => ({ group: "", kind: "Service", ...ref })) }),
    };
  });
  return { ...spec, rules };
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

function parentOf(spec: LiveObject["spec"]): unknown {
  const [parent] = (spec?.parentRefs ?? []) as { name: string }[]; // as written above
  return parent?.name;
}

interface Rule {
  backendRefs?: { group?: string; kind?: string; name: string; port: number; weight: number }[];
}

function rulesOf({ spec }: Pick<LiveObject, "spec">): Rule[] {
  return (spec?.rules ?? []) as Rule[]; // as written above
}

/** The weights of a route, rule by rule; nothing for a route on a Server. */
function weightsOf(route: LiveObject | undefined): number[][] {
  return route ? rulesOf(route).map(({ backendRefs = [] }) => backendRefs.map(({ weight }) => weight)) : [];
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === "object" && address ? address.port : 0;
}

interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

function clusterOf(context: TestContext, given: Partial<ClusterState>) {
  const folder = mkdtempSync(join(tmpdir(), "row-kubectl-"));
  context.onTestFinished(() => rmSync(folder, { recursive: true }));
  const state: ClusterState = { contexts: ["kind-dev"], objects: [], conflicts: {}, refusals: {}, ports: {}, ...given };
  writeFileSync(join(folder, "state.json"), JSON.stringify(state));
  writeFileSync(join(folder, "calls.jsonl"), "");
  const script = join(import.meta.dirname, "kubectl-stand-in.ts");
  writeFileSync(join(folder, "kubectl"), `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`);
  chmodSync(join(folder, "kubectl"), 0o755);
  const calls = () =>
    readFileSync(join(folder, "calls.jsonl"), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line): string[] => JSON.parse(line));
  return {
    calls,
    state: (): ClusterState => JSON.parse(readFileSync(join(folder, "state.json"), "utf8")),
    patches: () =>
      calls()
        .filter((args) => args.includes("patch"))
        .map((args) => ({
          name: args[args.indexOf("patch") + 2],
          isDry: args.includes("--dry-run=server"),
          steps: JSON.parse(args.find((arg) => arg.startsWith("--patch="))?.slice(8) ?? "[]") as {
            op: string;
            path: string;
            value: unknown;
          }[],
        })),
    row: (...args: (string | NodeJS.ProcessEnv)[]) => {
      const words = args.filter((arg) => typeof arg === "string");
      const env = args.find((arg) => typeof arg !== "string");
      const PATH = `${folder}${delimiter}${process.env.PATH}`;
      return run(words, { PATH, ROW_ON: "kubernetes", KUBECTL_STAND_IN: folder, ...env });
    },
  };
}

async function run(args: string[], env: NodeJS.ProcessEnv): Promise<Run> {
  const child = spawn(process.execPath, [join(root, "cli/src/main.ts"), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { status, stdout, stderr };
}
