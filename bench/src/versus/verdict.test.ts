import assert from "node:assert/strict";
import { test } from "vitest";
import { verdictOn } from "./verdict.ts";
import type { Compared, Versus } from "./versus.ts";

const as = (low: number, cpu: number, errors = {}): Compared => ({
  perSecond: { mean: low + 0.02, low, high: low + 0.04 },
  cpu: { mean: cpu, low: cpu - 0.01, high: cpu + 0.01 },
  errors,
});
const plan = { rounds: 10, warmUpSeconds: 5, roundSeconds: 5, connections: 32, settleSeconds: 20, mesh: false };
const of = (reading: Compared, ordering: Compared): Versus => ({
  ...{ ref: "v0.1.0", commit: "c0ffee", time: "2026-11-30T00:00:00Z", plan, reading, ordering },
  memory: { ours: { orders: 70.4 }, theirs: { orders: 104.6 } },
});

test("nothing got worse when rates hold at the interval's lower end and CPU time at its middle", () => {
  const { worse, text } = verdictOn(of(as(0.95, 1.05), as(1.2, 0.9)));
  assert.deepEqual(worse, []);
  assert.match(text, /orders +\| +70 \| +105/);
});

test("says what got worse: a rate whose lower end is below 0.95×, CPU time above 1.05×, requests that failed", () => {
  const { worse } = verdictOn(of(as(0.94, 1.06), as(1, 1, { "HTTP 503 DEPENDENCY_UNAVAILABLE": 3 })));
  assert.deepEqual(worse, [
    "reading a product: the rate may be 0.94×, below 0.95×",
    "reading a product: CPU time a request is 1.06×, above 1.05×",
    "placing an order: HTTP 503 DEPENDENCY_UNAVAILABLE (3 times)",
  ]);
});
