import assert from "node:assert/strict";
import type { TapLine, TappedRequest } from "@row/mesh/observer/tap.ts";
import { test } from "vitest";
import { TapFilter, type TapFilterFlags } from "./tap-filter.ts";

const request: TappedRequest = {
  direction: "outbound",
  time: "2026-11-30T10:00:00.000000Z",
  client: "edge-v1-1",
  service: "catalog",
  backend: "catalog-v2",
  route: "catalog-normal-retried",
  server: "catalog-v2-1",
  path: "/shop.catalog.v1.CatalogService/GetProduct",
  httpStatus: 200,
  grpcStatus: "OK",
  error: "",
  durationUs: 1_000,
  retries: 0,
  traceparent: "",
};
const shows = (flags: TapFilterFlags, line: TapLine = request) => new TapFilter(flags).take(line, 0).length === 1;

test("shows requests to a service or to one version of it", () => {
  assert.ok(shows({ to: "catalog" }) && shows({ to: "catalog-v2" }));
  assert.ok(!shows({ to: "catalog-v1" }) && !shows({ to: "edge" }));
});

test("shows requests of a method by its name, with its service's or without, and of a path by its beginning", () => {
  assert.ok(shows({ method: "GetProduct" }) && shows({ method: "CatalogService/GetProduct" }));
  assert.ok(!shows({ method: "Product" }) && !shows({ method: "OtherService/GetProduct" }));
  assert.ok(shows({ path: "/shop.catalog." }) && !shows({ path: "/shop.orders." }));
});

test("shows no more in a second than asked for, and says in the next one how many it left out", () => {
  const filter = new TapFilter({ maxRps: 2 });
  const shown = [0, 10, 20, 999].map((ms) => filter.take(request, ms).length);
  assert.deepEqual(shown, [1, 1, 0, 0]);
  assert.deepEqual(filter.take(request, 1_000), [{ lost: 2 }, request]);
  assert.deepEqual(filter.take(request, 2_000), [request]);
});

test("always says what the observer could not show", () => {
  assert.ok(shows({ to: "nothing", maxRps: 1 }, { lost: 3 }));
});
