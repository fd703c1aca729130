import assert from "node:assert/strict";
import { join } from "node:path";
import { type MethodContract, methods } from "@row/runtime/contract.ts";
import { IDENTITY_DOMAIN, NAMESPACE } from "@row/runtime/names.ts";
import { discoverServices } from "@row/topology/service-manifest.ts";
import { test } from "vitest";
import { readResources } from "../resources/read.ts";
import type { Kind, Resource } from "../resources/resource.ts";
import { type MeshSources, meshFiles } from "./mesh-files.ts";

const services = discoverServices(join(import.meta.dirname, "../../.."));
const sources: MeshSources = { services, methods: [...methods.values()], publishes: (name) => name !== "edge" };

/** The Servers' ports of each kind of service. */
const PORTS = {
  service: ["grpc", "admin"],
  gateway: ["http", "grpc", "admin"],
  web: ["http", "admin"],
  outside: ["http"],
} as const;

/** Callers that the contracts name before there is a folder for them. */
const TO_COME = ["cart"];

test("everything that is generated can be read back by the mesh", () => {
  for (const [file, text] of meshFiles(sources)) {
    const { resources, problems } = readResources(text, file);
    assert.deepEqual(problems, []);
    assert.ok(resources.length > 0, file);
    assert.match(text, /^# Generated from .* by `npm run generate`/);
  }
});

test("the same sources give the same files, in whatever order services are found", () => {
  const again = meshFiles({ ...sources, services: [...services].reverse() });
  assert.deepEqual([...again], [...meshFiles(sources)]);
});

test("a service has at most six routes, and the last one takes what no other does", () => {
  for (const service of ofKind("Service", meshFiles(sources))) {
    const routes = outbound(service.metadata.name);
    if (routes.length === 0) continue;
    assert.ok(routes.length <= 6, `${service.metadata.name} has ${routes.length}`);
    const catchAll = routes.filter(({ spec }) => spec.rules.some(({ matches }) => matches.length === 0));
    assert.deepEqual(
      catchAll.map(({ metadata }) => [metadata.name, metadata.annotations]),
      [[`${service.metadata.name}-other`, {}]],
    );
  }
});

test("more call classes than six routes can hold share a route, and none of those is retried", () => {
  const every = [500, 2_000, 10_000, Number.POSITIVE_INFINITY].flatMap((timeoutMs) =>
    [true, false].map((isIdempotent) => ({ timeoutMs, isIdempotent })),
  );
  const changed = sources.methods
    .filter(({ path }) => path.startsWith("/shop.catalog."))
    .map((method, index) => ({ ...method, ...every[index % every.length] }));
  const routes = outbound("catalog", meshFiles({ ...sources, methods: changed }));
  assert.equal(routes.length, 6);
  for (const { path, isIdempotent, timeoutMs } of changed) {
    const { annotations } = routeOf(path, routes).metadata;
    assert.equal("retry.linkerd.io/grpc" in annotations, isIdempotent && Number.isFinite(timeoutMs), path);
    assert.equal(Number.isFinite(timeoutMs), "timeout.linkerd.io/request" in annotations, path);
  }
});

test("a method's route has its call class as timeout and retries what may be repeated, and nothing else", () => {
  const durations: Record<number, string> = { 500: "500ms", 2000: "2s", 10000: "10s" };
  const routes = ofKind("GRPCRoute", meshFiles(sources));
  for (const { path, timeoutMs, isIdempotent } of served()) {
    const { annotations } = routeOf(path, routes).metadata;
    const isStream = !Number.isFinite(timeoutMs);
    assert.equal(annotations["timeout.linkerd.io/request"], isStream ? undefined : durations[timeoutMs], path);
    assert.equal(annotations["retry.linkerd.io/grpc"], isIdempotent && !isStream ? "unavailable" : undefined, path);
  }
  assert.ok(served().some(({ timeoutMs }) => !Number.isFinite(timeoutMs)));
});

test("no name, rule or match exceeds what the Gateway API and Kubernetes admit", () => {
  for (const { kind, metadata } of all(meshFiles(sources)))
    assert.ok(metadata.name.length <= 63, `${kind} ${metadata.name}`);
  for (const { metadata, spec } of ofKind("GRPCRoute", meshFiles(sources))) {
    assert.ok(spec.rules.length >= 1 && spec.rules.length <= 16, metadata.name);
    for (const { matches } of spec.rules) {
      assert.ok(matches.length <= 8, metadata.name);
      for (const { method, headers } of matches) assert.ok(method && headers.length === 0, metadata.name);
    }
  }
});

test("methods beyond eight go to further rules, and none is lost", () => {
  const [first] = served().filter(({ path }) => path.startsWith("/shop.orders."));
  assert.ok(first);
  const many = Array.from({ length: 20 }, (_, index) => renamed(first, `Method${index}`));
  const routes = outbound("orders", meshFiles({ ...sources, methods: many }));
  const rules = routes[0]?.spec.rules ?? [];
  assert.deepEqual(
    rules.map(({ matches }) => matches.length),
    [8, 8, 4],
  );
  assert.equal(new Set(rules.flatMap(({ matches }) => matches.map(({ method }) => method?.method))).size, 20);
  const tooMany = Array.from({ length: 129 }, (_, index) => renamed(first, `Method${index}`));
  assert.throws(() => meshFiles({ ...sources, methods: tooMany }), /129 methods, it holds 128/);
});

test("every identity that is let in is an account of the shop, or Prometheus's", () => {
  const accounts = ofKind("ServiceAccount", meshFiles(sources)).map(({ metadata }) => metadata.name);
  const identities = ofKind("MeshTLSAuthentication", meshFiles(sources)).flatMap(({ spec }) => spec.identities);
  const known = new Set([...accounts, ...TO_COME].map((name) => `${name}.${NAMESPACE}.${IDENTITY_DOMAIN}`));
  known.add(`prometheus.observability.${IDENTITY_DOMAIN}`);
  assert.deepEqual(
    identities.filter((identity) => !known.has(identity)),
    [],
  );
});

test("every workload has an account of its own, and every port a Server that denies by default", () => {
  const accounts = ofKind("ServiceAccount", meshFiles(sources)).map(({ metadata }) => metadata.name);
  const servers = ofKind("Server", meshFiles(sources));
  const portsOf = (name: string) =>
    servers
      .filter(({ spec }) => spec.podSelector.matchLabels["app.kubernetes.io/name"] === name)
      .map(({ spec }) => spec.port);
  for (const { name, kind } of services) {
    assert.ok(accounts.includes(name), name);
    assert.deepEqual(portsOf(name), PORTS[kind]);
  }
  assert.deepEqual(["postgres", "nats", "redis-durable", "redis-cache"].map(portsOf), [[5432], [4222], [6379], [6379]]);
  assert.deepEqual(
    servers.filter(({ spec }) => spec.accessPolicy !== "deny"),
    [],
  );
});

test("nothing authorizes a whole Server that has routes", () => {
  const routed = ofKind("GRPCRoute", meshFiles(sources)).flatMap(({ spec }) =>
    spec.parentRefs.filter(({ kind }) => kind === "Server").map(({ name }) => name),
  );
  const targets = ofKind("AuthorizationPolicy", meshFiles(sources)).map(({ spec }) => spec.targetRef);
  assert.ok(routed.length > 0 && targets.some(({ kind }) => kind === "Server"));
  assert.deepEqual(
    targets.filter(({ kind, name }) => kind === "Namespace" || (kind === "Server" && routed.includes(name))),
    [],
  );
});

test("a changed contract changes the files", () => {
  const path = "/shop.catalog.v1.CatalogService/GetProduct";
  const change = (fields: Partial<MethodContract>) => {
    const changed = sources.methods.map((method) => (method.path === path ? { ...method, ...fields } : method));
    const [before, after] = [meshFiles(sources), meshFiles({ ...sources, methods: changed })];
    return [...before].filter(([file, text]) => after.get(file) !== text).map(([file]) => file);
  };
  assert.deepEqual(change({}), []);
  assert.deepEqual(change({ timeoutMs: 10_000 }), ["mesh/routes/catalog.yaml"]);
  assert.deepEqual(change({ isIdempotent: false }), ["mesh/routes/catalog.yaml"]);
  assert.deepEqual(change({ callers: new Set(["orders"]) }), ["mesh/policy/catalog.yaml"]);
});

test("what service.yaml says opens the stores", () => {
  const clientsOf = (changed: Record<string, unknown>, store: string) => {
    const files = meshFiles({
      services: services.map((service) => (service.name === "catalog" ? { ...service, ...changed } : service)),
      methods: sources.methods,
      publishes: () => false,
    });
    const authentications = ofKind("MeshTLSAuthentication", files);
    const identities = authentications.find(({ metadata }) => metadata.name === `${store}-clients`)?.spec.identities;
    return (
      identities?.filter((identity) => identity.startsWith("catalog")).map((identity) => identity.split(".")[0]) ?? []
    );
  };
  assert.deepEqual(clientsOf({ postgres: true }, "postgres"), ["catalog", "catalog-migrate"]);
  assert.deepEqual(clientsOf({ postgres: false }, "postgres"), []);
  assert.deepEqual(clientsOf({ consumes: ["shop.orders.v1.OrderPlaced"] }, "nats"), ["catalog"]);
  assert.deepEqual(clientsOf({ consumes: [] }, "nats"), []);
  assert.deepEqual(clientsOf({ redis: ["durable"] }, "redis-durable"), ["catalog"]);
  assert.deepEqual(clientsOf({ redis: ["durable"] }, "redis-cache"), []);
  assert.deepEqual(clientsOf({ calls: ["card-gateway"] }, "card-gateway"), ["catalog"]);
  assert.deepEqual(clientsOf({ calls: [] }, "card-gateway"), []);
});

test("a web server is open to everybody on its HTTP port, and has no gRPC, no routes and no versions", () => {
  const web = { ...shared(), kind: "web" as const, name: "web", port: 8082, adminPort: 6082 };
  const files = meshFiles({ ...sources, services: [...services, web] });
  const of = (resources: readonly Resource[]) => resources.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  const own = (folder: string) => readResources(files.get(`mesh/${folder}/web.yaml`) ?? "", "web.yaml").resources;
  assert.deepEqual(of(own("services")), ["Service web"]);
  assert.deepEqual(of(own("routes")), []);
  assert.deepEqual(of(own("policy")), [
    "ServiceAccount web",
    "Server web-http",
    "AuthorizationPolicy web-http-for-anybody",
    "Server web-admin",
    "MeshTLSAuthentication web-scraping",
    "AuthorizationPolicy web-scraping",
  ]);
});

test("two services whose resources would have the same name are refused", () => {
  const [catalog] = services.filter(({ name }) => name === "catalog");
  assert.ok(catalog);
  const clashing = [...services, { ...catalog, name: "catalog-v1" }];
  assert.throws(() => meshFiles({ ...sources, services: clashing }), /Cannot write Service catalog-v1 twice/);
});

/** What every kind of service says of itself. */
function shared() {
  const [catalog] = services.filter(({ name }) => name === "catalog");
  assert.ok(catalog);
  return { ...catalog, postgres: false, consumes: [], calls: [] };
}

function all(files: ReadonlyMap<string, string>): Resource[] {
  return [...files].flatMap(([file, text]) => readResources(text, file).resources);
}

function ofKind<K extends Kind>(kind: K, files: ReadonlyMap<string, string>): Extract<Resource, { kind: K }>[] {
  return all(files).filter((resource): resource is Extract<Resource, { kind: K }> => resource.kind === kind);
}

function outbound(service: string, files = meshFiles(sources)) {
  return ofKind("GRPCRoute", files).filter(({ spec }) =>
    spec.parentRefs.some(({ kind, name }) => kind === "Service" && name === service),
  );
}

/** The route with a Service as parent that names this method. */
function routeOf(path: string, routes: ReturnType<typeof outbound>) {
  const found = routes
    .filter(({ spec }) => spec.parentRefs.some(({ kind }) => kind === "Service"))
    .filter(({ spec }) =>
      spec.rules.some(({ matches }) => matches.some(({ method }) => `/${method?.service}/${method?.method}` === path)),
    );
  assert.equal(found.length, 1, path);
  const [route] = found;
  assert.ok(route);
  return route;
}

function served(): MethodContract[] {
  return sources.methods.filter(({ path }) => services.some(({ name }) => path.startsWith(`/shop.${name}.`)));
}

function renamed(method: MethodContract, name: string): MethodContract {
  return {
    ...method,
    path: `/${method.descriptor.parent.typeName}/${name}`,
    descriptor: { ...method.descriptor, name },
  };
}
