import assert from "node:assert/strict";
import { test } from "vitest";
import { resources, route, services, to } from "../../../test/manifests.ts";
import { named } from "../../resources/lookup.ts";
import { serviceConfig } from "./service-config.ts";

const CATALOG = "shop.catalog.v1.CatalogService";
const RETRIED = { "retry.linkerd.io/grpc": "unavailable,deadline-exceeded", "retry.linkerd.io/limit": "3" };

function configOf(...routes: readonly string[]) {
  const view = { resources: resources(services("catalog", "v1"), ...routes), workloads: [] };
  const service = named(view.resources, "Service", "catalog");
  assert.ok(service);
  return serviceConfig(view, [service]).methodConfig;
}

test("a route's retries are those of each of its methods", () => {
  const rule = `{ matches: [{ method: { service: ${CATALOG}, method: GetProduct } }], ${to("catalog-v1")} }`;
  assert.deepEqual(
    configOf(route("a", "catalog", [rule], RETRIED), route("b", "catalog", [`{ ${to("catalog-v1")} }`])),
    [
      {
        name: [{ service: CATALOG, method: "GetProduct" }],
        retryPolicy: {
          maxAttempts: 4,
          initialBackoff: "0.025s",
          maxBackoff: "0.25s",
          backoffMultiplier: 2,
          retryableStatusCodes: ["UNAVAILABLE", "DEADLINE_EXCEEDED"],
        },
      },
    ],
  );
});

test("a catch-all with retries is written out, without the methods of routes before it", () => {
  const rule = `{ matches: [{ method: { service: ${CATALOG}, method: GetProduct } }], ${to("catalog-v1")} }`;
  const [config] = configOf(route("a", "catalog", [rule]), route("b", "catalog", [`{ ${to("catalog-v1")} }`], RETRIED));
  const methods = config?.name.map(({ method }) => method) ?? [];
  assert.ok(methods.includes("ListProducts"));
  assert.ok(!methods.includes("GetProduct"));
});

test("rules with headers have none: a client cannot tell by them", () => {
  const rule = `{ matches: [{ method: { service: ${CATALOG} }, headers: [{ name: x, value: y }] }], ${to("catalog-v1")} }`;
  assert.deepEqual(
    configOf(route("a", "catalog", [rule], RETRIED), route("b", "catalog", [`{ ${to("catalog-v1")} }`])),
    [],
  );
});

test("without routes there are none, as in Linkerd", () => {
  assert.deepEqual(configOf(), []);
});
