import assert from "node:assert/strict";
import type { StatEdge } from "@row/mesh/observer/stat.ts";
import { test } from "vitest";
import { render } from "./stat.ts";

const EDGE: StatEdge = {
  client: "orders-v1",
  service: "catalog",
  backend: "catalog-v2",
  route: "catalog-fast",
  requests: 100,
  requestsPerSecond: 9.87,
  successRate: 0.99996,
  cancelled: 0,
  retries: 2,
  timeouts: 13,
  p50Us: 870,
  p95Us: 1_240,
  p99Us: 1_240_000,
};

test("shows an edge of the call graph a line, in units that are read at a glance", () => {
  assert.deepEqual(render({ seconds: 10, linesLost: 0, edges: [EDGE] }).split("\n"), [
    "CLIENT     SERVICE  BACKEND     ROUTE         SUCCESS  RPS  P50     P95      P99",
    "orders-v1  catalog  catalog-v2  catalog-fast  99.99 %  9.9  870 µs  1.24 ms  1.24 s",
  ]);
});

test("shows retries and timeouts to whoever asks for more columns, and a dash for what is not known", () => {
  const [head = "", ...lines] = render({ seconds: 10, linesLost: 0, edges: [EDGE, { ...EDGE, retries: null }] }, true)
    .split("\n")
    .map((line) => line.replace(/^.* s? +(?=\S+ +\S+$)|^.*P99 +/, ""));
  assert.deepEqual([head, ...lines], ["RETRIES  TIMEOUTS", "2        13", "-        13"]);
});

test("never rounds a failure away, and shows what is not known as such", () => {
  const nothing = { ...EDGE, route: "", backend: "", successRate: null, p50Us: null, p95Us: null, p99Us: null };
  const lines = render({ seconds: 10, linesLost: 0, edges: [{ ...EDGE, successRate: 0.999999 }, nothing] }).split("\n");
  assert.match(lines[1] ?? "", /99\.99 %/);
  assert.match(lines[2] ?? "", /catalog +- +- +- +9\.9 +- +- +-$/);
});

test("shows no latency for calls that reached nobody", () => {
  const unreached = { ...EDGE, successRate: 0, p50Us: 0, p95Us: 0, p99Us: 0 };
  assert.match(render({ seconds: 10, linesLost: 0, edges: [unreached] }), /0\.00 % +9\.9 +- +- +-$/);
});

test("says when there are no calls, and when some were not seen", () => {
  assert.equal(render({ seconds: 10, linesLost: 0, edges: [] }), "No calls in the last 10 seconds.");
  assert.match(render({ seconds: 10, linesLost: 7, edges: [EDGE] }), /\n\n7 requests are missing here/);
});

test("says which versions misbehave on purpose", () => {
  const injected = [{ service: "catalog", version: "v2", behaviours: ["errors=20%", "slow"], seed: "s" }];
  const text = render({ seconds: 10, linesLost: 0, edges: [EDGE], injected });
  assert.match(text, /\n\nInjected on purpose:\n {2}catalog v2: errors=20% slow$/);
});
