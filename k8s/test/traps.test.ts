// Each way in which Linkerd fails silently or confusingly, and where the manifests stay clear of it. That the lint sees each is
// tried in mesh/test/lint; this looks at the manifests themselves.
import assert from "node:assert/strict";
import { registry } from "@row/runtime/contract.ts";
import { test } from "vitest";
import { core, field, type KubeObject, list, mesh, shop, workloads } from "./manifests.ts";

const objects = [...core(), ...mesh()];
const pods = workloads(objects);
const ofKind = (kind: string) => objects.filter((object) => object.kind === kind);
const routes = ofKind("GRPCRoute");
const outbound = routes.filter((route) => field(route, "spec", "parentRefs", 0, "kind") === "Service");
const rulesOf = (route: KubeObject) => list(route, "spec", "rules");
const matchesOf = (route: KubeObject) => rulesOf(route).flatMap((rule) => list(rule, "matches"));
const annotationsOf = (object: KubeObject) => Object.entries(object.metadata.annotations ?? {});
const serviceNamed = (name: unknown) => ofKind("Service").find(({ metadata }) => metadata.name === name);
const OPAQUE = "config.linkerd.io/opaque-ports";
const LINKERDS_OWN = [25, 587, 3306, 4444, 5432, 6379, 9300, 11211];

test("1: a GRPCRoute is v1, the only version that Gateway API 1.5.1 serves", () => {
  assert.ok(routes.length > 0);
  for (const { apiVersion } of routes) assert.equal(apiVersion, "gateway.networking.k8s.io/v1");
});

test("2: a route's parent says group, kind and, on a Service, the port", () => {
  for (const ref of routes.flatMap((route) => list(route, "spec", "parentRefs"))) {
    const kind = field(ref, "kind");
    assert.equal(field(ref, "group"), kind === "Service" ? "core" : "policy.linkerd.io");
    assert.equal(field(ref, "port"), kind === "Service" ? 50051 : undefined);
  }
});

test("3: every backend has a port, and its Service exists, has that port, and pods behind it", () => {
  const backends = outbound.flatMap(rulesOf).flatMap((rule) => list(rule, "backendRefs"));
  assert.ok(backends.length > 0);
  for (const backend of backends) {
    const service = serviceNamed(field(backend, "name"));
    assert.ok(list(service, "spec", "ports").some((port) => field(port, "port") === field(backend, "port")));
    assert.ok(pods.some(({ template }) => isSelected(service, template.metadata?.labels)));
  }
});

test("4: there is no HTTPRoute that a GRPCRoute on the same Service would put aside", () => {
  assert.deepEqual(ofKind("HTTPRoute"), []);
});

test("5: what no other route of a Service matches one does, so that health and reflection work", () => {
  for (const { name, kind } of shop.meshed) {
    if (kind !== "service") continue;
    const own = outbound.filter((route) => field(route, "spec", "parentRefs", 0, "name") === name);
    assert.ok(
      own.some((route) => rulesOf(route).some((rule) => list(rule, "matches").length === 0)),
      name,
    );
  }
});

test("6: a match on headers names a method too", () => {
  for (const match of routes.flatMap(matchesOf))
    assert.ok(field(match, "headers") === undefined || field(match, "method"));
});

test("7: no method is matched by a regular expression, and no route has a filter", () => {
  for (const match of routes.flatMap(matchesOf)) assert.equal(field(match, "method", "type") ?? "Exact", "Exact");
  for (const rule of routes.flatMap(rulesOf)) assert.deepEqual(list(rule, "filters"), []);
});

test("8: what is retried is a list without spaces, at least once", () => {
  const retries = routes.flatMap(annotationsOf).filter(([name]) => name.startsWith("retry.linkerd.io/"));
  assert.ok(retries.length > 0);
  for (const [name, value] of retries) {
    if (name.endsWith("/grpc"))
      assert.match(value, /^(cancelled|deadline-exceeded|internal|resource-exhausted|unavailable)(,[a-z-]+)*$/);
    if (name.endsWith("/limit")) assert.match(value, /^[1-9]\d*$/);
  }
});

test("9: durations are one whole number and one unit", () => {
  const durations = objects
    .flatMap(annotationsOf)
    .filter(([name]) => /^timeout\.|retry\.linkerd\.io\/timeout|-penalty$|grace-period$/.test(name));
  assert.ok(durations.length > 0);
  for (const [name, value] of durations) assert.match(value, /^\d+(ms|s|m)$/, name);
});

test("10: no Service asks for retries, which without a route it would not get", () => {
  assert.deepEqual(
    ofKind("Service")
      .flatMap(annotationsOf)
      .filter(([name]) => name.startsWith("retry.")),
    [],
  );
});

test("11: every appProtocol is one that Linkerd knows, and gRPC's is kubernetes.io/h2c", () => {
  for (const port of ofKind("Service").flatMap((service) => list(service, "spec", "ports"))) {
    const protocol = text(field(port, "appProtocol"));
    assert.ok(protocol === undefined || ["kubernetes.io/h2c", "http"].includes(protocol), String(protocol));
    if (field(port, "name") === "grpc") assert.equal(protocol, "kubernetes.io/h2c");
  }
});

test("12: NATS, Postgres, Redis and SMTP are opaque on Service and pod, and Linkerd's own list is repeated", () => {
  for (const [name, port] of Object.entries({
    nats: 4222,
    postgres: 5432,
    "redis-durable": 6379,
    "redis-cache": 6379,
    mailpit: 1025,
  })) {
    const pod = pods.find(({ app, kind }) => app === name && kind !== "Job");
    for (const annotations of [serviceNamed(name)?.metadata.annotations, pod?.template.metadata?.annotations]) {
      const opaque = annotations?.[OPAQUE]?.split(",").map(Number) ?? [];
      assert.ok(opaque.includes(port), name);
      for (const own of LINKERDS_OWN) assert.ok(opaque.includes(own), `${name} ${own}`);
    }
  }
  for (const port of [8222, 8025])
    assert.ok(!pods.some(({ template }) => template.metadata?.annotations?.[OPAQUE]?.includes(`${port}`)));
});

test("13: probes of meshed pods are httpGet on a port that is neither gRPC nor opaque, or run inside the pod", () => {
  let seen = 0;
  for (const { name, app, containers, isMeshed } of pods) {
    for (const container of containers) {
      for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
        if (!probe) continue;
        seen += 1;
        assert.ok(probe.httpGet || probe.exec, name);
        assert.ok(!probe.grpc && !probe.tcpSocket, name);
        if (!probe.httpGet || !isMeshed) continue;
        const port = probe.httpGet.port;
        assert.ok(
          container.ports?.some((own) => own.name === port),
          `${name} ${port}`,
        );
        const server = ofKind("Server").find(
          (one) =>
            field(one, "spec", "podSelector", "matchLabels", "app.kubernetes.io/name") === app &&
            field(one, "spec", "port") === port,
        );
        assert.ok(!server || field(server, "spec", "proxyProtocol") === "HTTP/1", name);
        const onServer = routes.filter((route) =>
          list(route, "spec", "parentRefs").some((ref) => field(ref, "name") === server?.metadata.name),
        );
        assert.deepEqual(server ? onServer : [], []);
        assert.ok(!String(probe.httpGet.path).includes("?"), name);
      }
    }
  }
  assert.ok(seen > 20);
});

test("14: there is no rate limit, which a gRPC Server would not obey", () => {
  assert.deepEqual(ofKind("HTTPLocalRateLimitPolicy"), []);
});

test("15: there is no ServiceProfile, which would put routes and retries out of force", () => {
  assert.deepEqual(ofKind("ServiceProfile"), []);
});

test("16: no timeout is on a streaming method", () => {
  for (const route of outbound) {
    if (!annotationsOf(route).some(([name]) => name.startsWith("timeout.linkerd.io/"))) continue;
    for (const method of methodsOf(route))
      assert.ok(method.methodKind === "unary", `${route.metadata.name} ${method.name}`);
  }
});

test("17: what is retried may be repeated", () => {
  for (const route of outbound) {
    if (!annotationsOf(route).some(([name]) => name === "retry.linkerd.io/grpc")) continue;
    for (const method of methodsOf(route)) assert.ok(isRepeatable(method), `${route.metadata.name} ${method.name}`);
  }
});

test("18: every workload has a ServiceAccount of its own, in the namespace that identities name", () => {
  const accounts = pods.map(({ account }) => account);
  assert.equal(new Set(accounts).size, accounts.length);
  assert.ok(!accounts.includes("default"));
  const namespaces = new Set(
    objects.filter(({ kind }) => kind !== "Namespace").map(({ metadata }) => metadata.namespace),
  );
  assert.deepEqual([...namespaces], ["shop"]);
});

test("19: the namespace asks for sidecars and denies by default; only what is outside the mesh has none, and says so on its pods", () => {
  const [namespace] = ofKind("Namespace");
  assert.equal(namespace?.metadata.annotations?.["linkerd.io/inject"], "enabled");
  assert.equal(namespace?.metadata.annotations?.["config.linkerd.io/default-inbound-policy"], "deny");
  const unmeshed = pods.filter(({ isMeshed }) => !isMeshed).map(({ name }) => name);
  assert.deepEqual(
    unmeshed,
    shop.outside.map(({ name }) => name),
  );
});

test("20: every Server's port is a pod's, and no two Servers share one", () => {
  const taken = ofKind("Server").flatMap((server) => {
    const app = field(server, "spec", "podSelector", "matchLabels", "app.kubernetes.io/name");
    const ports = pods
      .filter((pod) => pod.app === app)
      .flatMap(({ containers }) => containers.flatMap(({ ports = [] }) => ports));
    const own = ports.find(({ name, containerPort }) =>
      [name, containerPort].some((one) => one === field(server, "spec", "port")),
    );
    assert.ok(own, server.metadata.name);
    return [`${app} ${own.containerPort}`];
  });
  assert.equal(new Set(taken).size, taken.length);
});

test("21: the weights of a route's backends are never all 0", () => {
  for (const rule of outbound.flatMap(rulesOf)) {
    assert.ok(list(rule, "backendRefs").some((backend) => Number(field(backend, "weight") ?? 1) > 0));
  }
});

test("beyond the list: Services that routes hang on have a ClusterIP, and callers are told the Service's name", () => {
  for (const service of ofKind("Service")) assert.notEqual(field(service, "spec", "clusterIP"), "None");
});

test("beyond the list: a meshed pod has no token of its own to Kubernetes, and may not become root or write to its image", () => {
  for (const { name, pod, containers } of pods) {
    assert.equal(pod.automountServiceAccountToken, false, name);
    assert.equal(pod.securityContext?.runAsNonRoot, true);
    assert.ok(Number(pod.securityContext?.runAsUser) > 0, name);
    assert.equal(pod.securityContext?.seccompProfile?.type, "RuntimeDefault");
    for (const { securityContext } of containers) {
      assert.equal(securityContext?.readOnlyRootFilesystem, true, name);
      assert.equal(securityContext?.allowPrivilegeEscalation, false);
      assert.deepEqual(securityContext?.capabilities?.drop, ["ALL"]);
    }
  }
});

test("beyond the list: a pod that stops has time for its callers to hear of it, for its own drain, and for its sidecar", () => {
  const PRE_STOP = 5;
  const RUNTIME_STOPS_WITHIN = 9;
  const sidecar = Number(
    ofKind("Namespace")[0]?.metadata.annotations?.["config.linkerd.io/shutdown-grace-period"]?.replace("s", ""),
  );
  for (const { name } of shop.meshed) {
    const pod = pods.find((candidate) => candidate.name === `${name}-v1`);
    assert.equal(pod?.pod.containers[0]?.lifecycle?.preStop?.sleep?.seconds, PRE_STOP);
    assert.ok(Number(pod?.pod.terminationGracePeriodSeconds) > PRE_STOP + RUNTIME_STOPS_WITHIN + sidecar, name);
  }
});

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isSelected(service: KubeObject | undefined, labels: Readonly<Record<string, string>> = {}): boolean {
  const selector = field(service, "spec", "selector");
  return (
    typeof selector === "object" &&
    selector !== null &&
    Object.entries(selector).every(([key, value]) => labels[key] === value)
  );
}

function methodsOf(route: KubeObject) {
  return matchesOf(route).map((match) => {
    const service = registry.getService(String(field(match, "method", "service")));
    const method = service?.methods.find(({ name }) => name === field(match, "method", "method"));
    assert.ok(method, JSON.stringify(match));
    return method;
  });
}

function isRepeatable(method: ReturnType<typeof methodsOf>[number]): boolean {
  const { idempotency, input } = method;
  return idempotency !== 0 || input.fields.some(({ name }) => name === "request_id");
}

test("only what comes from outside the mesh passes a sidecar by, so that a client hears from the app itself that it stops", () => {
  const skipped = pods.flatMap(({ name, template }) => {
    const ports = template.metadata?.annotations?.["config.linkerd.io/skip-inbound-ports"];
    return ports === undefined ? [] : [[name, ports]];
  });
  assert.deepEqual(skipped, [["edge-v1", "8080,8081"]]);
  const outside = list(serviceNamed("edge-public"), "spec", "ports").map((port) => field(port, "port"));
  assert.deepEqual(outside, [8080, 8081]);
});
