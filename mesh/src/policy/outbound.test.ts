import assert from "node:assert/strict";
import { test } from "vitest";
import { resources, route, services, to } from "../../test/manifests.ts";
import { named } from "../resources/lookup.ts";
import { type OutboundPolicy, outboundPolicy } from "./outbound.ts";

const CATALOG = "shop.catalog.v1.CatalogService";

function policyOf(...texts: readonly string[]): OutboundPolicy {
  const all = resources(services("catalog", "v1", "v2"), ...texts);
  const service = named(all, "Service", "catalog");
  assert.ok(service);
  return outboundPolicy(all, service);
}

/** "catalog-v1=3", or why no call can go there. */
function backendsOf({ rules }: OutboundPolicy): string[][] {
  return rules.map(({ backends }) =>
    backends.map((backend) =>
      "invalid" in backend ? backend.invalid : `${backend.service.metadata.name}=${backend.weight}`,
    ),
  );
}

test("a Service without routes has one rule, which sends every call to it", () => {
  const policy = policyOf();
  assert.deepEqual(backendsOf(policy), [["catalog=1"]]);
  assert.deepEqual(policy.candidates, []);
});

test("a rule that names nobody sends to the Service itself, others to what they name", () => {
  const policy = policyOf(route("a", "catalog", ["{}", `{ ${to("catalog-v1=3", "catalog-v2=1")} }`]));
  assert.deepEqual(backendsOf(policy), [["catalog=1"], ["catalog-v1=3", "catalog-v2=1"]]);
  assert.deepEqual(
    policy.rules.map(({ name, about }) => [name, about]),
    [
      ["a:0", "GRPCRoute shop/a, rule 0"],
      ["a:1", "GRPCRoute shop/a, rule 1"],
    ],
  );
});

test("a backend to which no call can go is a value that says why, beside those that are right", () => {
  const refs = `backendRefs: [{ name: catalog-v1, port: 50051 }, { name: catalog-v9, port: 50051 },
    { name: catalog-v1, port: 9090 }, { name: catalog-v1, namespace: other, port: 50051 }]`;
  const [backends] = backendsOf(policyOf(route("a", "catalog", [`{ ${refs} }`])));
  assert.equal(backends?.[1], "there is no Service catalog-v9");
  assert.match(backends?.join() ?? "", /Service catalog-v1 has no port 9090|namespace shop, and this is about other/);
});

test("a route's policy is its own, and the Service's where it says nothing", () => {
  const service = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop, annotations: { timeout.linkerd.io/request: 9s, retry.linkerd.io/grpc: unavailable } }
spec: { selector: { app.kubernetes.io/name: cart }, ports: [{ port: 50051 }] }`;
  const all = resources(
    service,
    route("own", "cart", ["{}"], { "timeout.linkerd.io/request": "1s" }),
    route("other", "cart", ["{}"]),
  );
  const cart = named(all, "Service", "cart");
  assert.ok(cart);
  const { rules } = outboundPolicy(all, cart);
  const retry = { grpc: ["unavailable"], limit: 1 };
  assert.deepEqual(
    rules.map(({ policy }) => policy),
    [
      { timeouts: { requestMs: 1_000 }, retry },
      { timeouts: { requestMs: 9_000 }, retry },
    ],
  );
});

test("each match leads to its rule, the most exact first; routes of other Services and ports are none of it", () => {
  const exact = `{ matches: [{ method: { service: ${CATALOG}, method: GetProduct } }], ${to("catalog-v2")} }`;
  const { candidates, ruleOf, rules } = policyOf(
    route("all", "catalog", [`{ ${to("catalog-v1")} }`]),
    route("exact", "catalog", [exact]),
    services("cart"),
    route("other", "cart", ["{}"]),
    route("another-port", "catalog", ["{}"]).replace("port: 50051", "port: 9090"),
  );
  assert.deepEqual(
    candidates.map((candidate) => ruleOf(candidate).name),
    ["exact:0", "all:0"],
  );
  assert.equal(rules.length, 2);
});
