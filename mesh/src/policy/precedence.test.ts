import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { grpcChoices } from "../haproxy/compile/conditions.ts";
import type { GrpcMatch, GrpcRoute } from "../resources/resource.ts";
import { type GrpcCandidate, grpcCandidates, ruleName } from "./precedence.ts";
import { matchesGrpc } from "./request-match.ts";

type Matches = readonly (readonly GrpcMatch[])[];

function grpcRoute(name: string, matches: Matches, creationTimestamp?: string, namespace = "shop"): GrpcRoute {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "GRPCRoute",
    metadata: { name, namespace, labels: {}, annotations: {}, ...(creationTimestamp && { creationTimestamp }) },
    spec: { parentRefs: [], rules: matches.map((matches) => ({ matches, filters: [], backendRefs: [] })) },
    policy: { timeouts: {} },
    source: { file: "test.yaml", line: 1 },
  };
}

const method = (service?: string, name?: string, headers = 0): GrpcMatch => ({
  ...((service ?? name) && { method: { ...(service && { service }), ...(name && { method: name }) } }),
  headers: ["h1", "h2", "h3"].slice(0, headers).map((name) => ({ type: "Exact", name, value: "on" })),
});

function winner(routes: readonly GrpcRoute[], path: string, headers: Record<string, string> = {}): string | undefined {
  const found = grpcCandidates(routes).find(({ match }) => !match || matchesGrpc(match, { path, headers }));
  return found && ruleName(found);
}

test("a method before its service before everything, whatever the order of routes", () => {
  const routes = [
    grpcRoute("all", [[]], "2020-01-01T00:00:00Z"),
    grpcRoute("service", [[method("shop.A")]], "2021-01-01T00:00:00Z"),
    grpcRoute("method", [[method("shop.A", "Get")]], "2022-01-01T00:00:00Z"),
  ];
  for (const order of [routes, routes.toReversed()]) {
    assert.equal(winner(order, "/shop.A/Get"), "method:0");
    assert.equal(winner(order, "/shop.A/List"), "service:0");
    assert.equal(winner(order, "/shop.B/Get"), "all:0");
  }
});

test("a service counts before a method alone, and more headers before fewer", () => {
  const routes = [
    grpcRoute("name", [[method(undefined, "Get", 3)]]),
    grpcRoute("service", [[method("shop.A")]]),
    grpcRoute("marked", [[method("shop.A", undefined, 1)], [method("shop.A", undefined, 2)]]),
  ];
  assert.equal(winner(routes, "/shop.A/Get", { h1: "on", h2: "on", h3: "on" }), "marked:1");
  assert.equal(winner(routes, "/shop.A/Get", { h1: "on" }), "marked:0");
  assert.equal(winner(routes, "/shop.A/Get"), "service:0");
  assert.equal(winner(routes, "/shop.B/Get", { h1: "on", h2: "on", h3: "on" }), "name:0");
});

test("of equals the oldest route wins, then the first by namespace and name, then the first rule", () => {
  const match = [[method("shop.A")]];
  const old = grpcRoute("z", match, "2020-01-01T00:00:00Z");
  const young = grpcRoute("a", match, "2024-01-01T00:00:00Z");
  assert.equal(winner([young, old], "/shop.A/Get"), "z:0");
  assert.equal(winner([grpcRoute("b", match), grpcRoute("a", match)], "/shop.A/Get"), "a:0");
  assert.equal(winner([grpcRoute("a", match), young], "/shop.A/Get"), "a:0");
  assert.equal(
    winner([grpcRoute("a", match, undefined, "z"), grpcRoute("b", match, undefined, "b")], "/shop.A/Get"),
    "b:0",
  );
  assert.equal(winner([grpcRoute("a", [...match, ...match])], "/shop.A/Get"), "a:0");
  assert.equal(winner([grpcRoute("never-applied", match), young], "/shop.A/Get"), "a:0");
});

/** The specification's words, one comparison after the other, over every candidate that matches. */
function reference(routes: readonly GrpcRoute[], path: string, headers: Record<string, string>): string | undefined {
  let best: { keys: (number | string)[]; name: string } | undefined;
  for (const route of routes) {
    for (const [index, rule] of route.spec.rules.entries()) {
      for (const match of rule.matches.length === 0 ? [{ headers: [] }] : rule.matches) {
        if (!matchesGrpc(match, { path, headers })) continue;
        const { service = "", method = "" } = (match as GrpcMatch).method ?? {};
        const { creationTimestamp, namespace, name } = route.metadata;
        const sizes = [-service.length, -method.length, -match.headers.length];
        const keys = [...sizes, creationTimestamp ?? "9999", `${namespace}/${name}`, index];
        if (!best || isBefore(keys, best.keys)) best = { keys, name: `${name}:${index}` };
      }
    }
  }
  return best?.name;
}

function isBefore(a: readonly (number | string)[], b: readonly (number | string)[]): boolean {
  for (const [index, key] of a.entries()) {
    const other = b[index] ?? 0;
    if (key !== other) return key < other;
  }
  return false;
}

const names = fc.constantFrom(undefined, "A", "AB");
const matchArbitrary = fc
  .tuple(names, names, fc.integer({ min: 0, max: 3 }))
  .map(([service, name, headers]) => method(service && `shop.${service}`, name, headers));
const routesArbitrary = fc
  .array(
    fc.record({
      matches: fc.array(fc.array(matchArbitrary, { maxLength: 3 }), { minLength: 1, maxLength: 3 }),
      year: fc.constantFrom(undefined, "2020", "2021"),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((routes) =>
    routes.map(({ matches, year }, index) => grpcRoute(`r${index}`, matches, year && `${year}-01-01T00:00:00Z`)),
  );
const requestArbitrary = fc.record({
  path: fc.tuple(fc.constantFrom("A", "AB", "C"), fc.constantFrom("A", "AB", "C")).map(([s, m]) => `/shop.${s}/${m}`),
  headers: fc.subarray(["h1", "h2", "h3"]).map((on) => Object.fromEntries(on.map((name) => [name, "on"]))),
});

test("any routes and request are decided as the specification's words would", () => {
  fc.assert(
    fc.property(routesArbitrary, requestArbitrary, (routes, { path, headers }) => {
      assert.equal(winner(routes, path, headers), reference(routes, path, headers));
    }),
    { numRuns: 2_000 },
  );
});

test("HAProxy's conditions, grouped as they are, decide the same", () => {
  fc.assert(
    fc.property(routesArbitrary, requestArbitrary, (routes, { path, headers }) => {
      const choices = grpcChoices(grpcCandidates(routes));
      const chosen = choices.find(({ condition }) => holds(condition, path, headers))?.candidate;
      assert.equal(chosen && ruleName(chosen as GrpcCandidate), reference(routes, path, headers));
    }),
    { numRuns: 2_000 },
  );
});

/** What HAProxy makes of the few conditions that these routes need. */
function holds(condition: string, path: string, headers: Readonly<Record<string, string>>): boolean {
  return [...condition.matchAll(/\{ (.*?) \}/g)].every(([, inner = ""]) => {
    const [left = "", right = ""] = inner.split(" -- ");
    if (left === "path") return right.split(" ").includes(path);
    if (left === "path_beg") return path.startsWith(right);
    if (left === "path_end") return path.endsWith(right);
    return headers[/req\.fhdr\((.*)\)/.exec(left)?.[1] ?? ""] === right;
  });
}
