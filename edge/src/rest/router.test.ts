import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { type PathTemplate, parsePathTemplate } from "./path-template.ts";
import { Router } from "./router.ts";

function routerOf(...sources: string[]): Router<string> {
  const router = new Router<string>();
  for (const source of sources) router.add("GET", source, source);
  return router;
}

test("prefers a literal over a variable, and a variable over the rest", () => {
  const router = routerOf("/v1/{name=**}", "/v1/users/{id}", "/v1/users/me");
  assert.equal(router.find("GET", "/v1/users/me")?.route, "/v1/users/me");
  assert.equal(router.find("GET", "/v1/users/7")?.route, "/v1/users/{id}");
  assert.equal(router.find("GET", "/v1/users/7/orders")?.route, "/v1/{name=**}");
});

test("goes back when a literal leads nowhere", () => {
  const router = routerOf("/v1/users/me/cart", "/v1/users/{id}");
  assert.equal(router.find("GET", "/v1/users/me")?.route, "/v1/users/{id}");
});

test("takes a path with a verb for a resource of its own, whatever methods it has", () => {
  const router = routerOf("/v1/orders/{id}", "/v1/{name=**}");
  router.add("POST", "/v1/orders/{id}:cancel", "cancel");
  assert.equal(router.find("GET", "/v1/orders/1:cancel"), undefined);
  assert.deepEqual(router.methodsOf("/v1/orders/1:cancel"), ["POST"]);
  assert.deepEqual(router.methodsOf("/v1/orders/1:ship"), ["GET"]);
});

test("takes the kind * of a custom rule for any method, after those that are named (google.api.HttpRule)", () => {
  const router = routerOf("/v1/orders/{id}");
  router.add("*", "/v1/orders/{id}", "any");
  assert.equal(router.find("GET", "/v1/orders/1")?.route, "/v1/orders/{id}");
  assert.equal(router.find("HEAD", "/v1/orders/1")?.route, "/v1/orders/{id}");
  for (const method of ["POST", "PURGE", "QUERY"]) assert.equal(router.find(method, "/v1/orders/1")?.route, "any");
});

test("takes a colon as part of the segment when no verb fits", () => {
  const router = routerOf("/v1/orders/{id}", "/v1/orders/{id}:cancel");
  assert.deepEqual(router.find("GET", "/v1/orders/a:b"), {
    route: "/v1/orders/{id}",
    segments: ["v1", "orders", "a:b"],
  });
  assert.deepEqual(router.find("GET", "/v1/orders/a:b:cancel"), {
    route: "/v1/orders/{id}:cancel",
    segments: ["v1", "orders", "a:b"],
  });
});

test("takes an encoded literal for what it says", () => {
  assert.equal(routerOf("/v1/products").find("GET", "/v1/%70roducts")?.route, "/v1/products");
});

test("matches nothing where a segment is empty", () => {
  const router = routerOf("/v1/{name=**}", "/v1/orders/{id}", "/v1/orders/{id}:cancel");
  for (const path of ["/v1/orders/", "/v1//orders", "//v1/orders/1", "/v1/a//b", "/v1/orders/:cancel/"]) {
    assert.equal(router.find("GET", path), undefined, path);
  }
});

test("lists the methods of a path, those of less specific templates included", () => {
  const router = new Router<string>();
  router.add("GET", "/v1/orders/{id}", "get");
  router.add("DELETE", "/v1/{name=**}", "delete");
  assert.deepEqual(router.methodsOf("/v1/orders/1"), ["DELETE", "GET"]);
  assert.deepEqual(router.methodsOf("/v2"), []);
  assert.equal(router.find("DELETE", "/v1/orders/1")?.route, "delete");
});

test("refuses two routes for the same method and paths", () => {
  assert.throws(() => routerOf("/v1/orders/{id}", "/v1/orders/{order_id}"), /another route matches the same paths/);
});

const word = fc.constantFrom("a", "b", "c");
const segment = fc.oneof({ weight: 3, arbitrary: word }, { weight: 2, arbitrary: fc.constant("*") });
const template = fc
  .record({
    segments: fc.array(segment, { minLength: 1, maxLength: 4 }),
    rest: fc.constantFrom("", "", "/**"),
    verb: fc.constantFrom("", "", ":a", ":go"),
  })
  .map(({ segments, rest, verb }) => `/${segments.join("/")}${rest}${verb}`);
const pathSegment = fc.constantFrom("a", "b", "c", "d", "", "a:b", "%61", "%zz");
const path = fc
  .record({ segments: fc.array(pathSegment, { maxLength: 5 }), verb: fc.constantFrom("", "", ":a", ":go", ":") })
  .map(({ segments, verb }) => `/${segments.join("/")}${verb}`);

test("finds what a plain comparison with every template finds, for any templates and path", () => {
  fc.assert(
    fc.property(fc.uniqueArray(template, { maxLength: 8 }), path, (sources, asked) => {
      assert.equal(routerOf(...sources).find("GET", asked)?.route, plainMatch(sources, asked));
    }),
    { numRuns: 3_000 },
  );
});

test("answers for any path at all without throwing", () => {
  const router = routerOf("/v1/{name=**}", "/v1/orders/{id}:cancel", "/v1/orders");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      router.find("GET", `/v1/${text}`);
      router.methodsOf(text);
    }),
  );
});

/** Compares the path with one template after the other and takes the most specific that fits. */
function plainMatch(sources: readonly string[], asked: string): string | undefined {
  const fitting = sources
    .map((source) => ({ source, template: parsePathTemplate(source) }))
    .filter((candidate) => fits(candidate.template, asked))
    .sort((a, b) => rank(a.template, asked).localeCompare(rank(b.template, asked)));
  return fitting[0]?.source;
}

function fits({ segments, verb }: PathTemplate, asked: string): boolean {
  if (verb !== "" && !asked.endsWith(`:${verb}`)) return false;
  const parts = (verb === "" ? asked : asked.slice(0, -verb.length - 1)).slice(1).split("/");
  if (parts.includes("")) return false;
  const hasRest = segments.at(-1)?.kind === "rest";
  const fixed = hasRest ? segments.slice(0, -1) : segments;
  if (hasRest ? parts.length < fixed.length : parts.length !== fixed.length) return false;
  return fixed.every((part, i) => part.kind !== "literal" || part.text === parts[i] || part.text === decoded(parts[i]));
}

function decoded(text = ""): string {
  return text === "%61" ? "a" : text;
}

/** Sorts before another when it is more specific: a verb first, then literal, end of template, `*`, `**` from the left. */
function rank({ segments, verb }: PathTemplate, _asked: string): string {
  const kinds = { literal: "1", one: "2", rest: "3" };
  return `${verb === "" ? "2" : "1"}${segments.map(({ kind }) => kinds[kind]).join("")}0`;
}
