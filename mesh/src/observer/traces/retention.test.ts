import assert from "node:assert/strict";
import { test } from "vitest";
import { Retention } from "./retention.ts";

const START = 1_763_710_020_000;
let made = 0;

function candidate(durationUs: number, { operation = "edge GET /v1/products", failed = false } = {}) {
  made += 1;
  return { id: `trace-${made}`, operation, durationUs, failed };
}

function busy(): Retention {
  const retention = new Retention(START);
  for (let times = 0; times < 20; times += 1) {
    assert.equal(retention.decide(candidate(1_000, { operation: "warm-up" }), START)?.reason, "sample");
  }
  return retention;
}

test("keeps all of a quiet shop's traces", () => {
  const retention = new Retention(START);
  for (let second = 0; second < 300; second += 1) {
    assert.equal(retention.decide(candidate(1_000), START + second * 1_000)?.reason, "sample");
  }
});

test("keeps one a second of a busy shop's", () => {
  const retention = busy();
  retention.decide(candidate(9_000), START);
  const kept = Array.from({ length: 10_000 }, (_, index) => retention.decide(candidate(1_000), START + index * 10));
  const sampled = kept.filter((decision) => decision?.reason === "sample");
  assert.ok(sampled.length >= 95 && sampled.length <= 101, `${sampled.length} in 100 s`);
});

test("keeps every trace that failed", () => {
  const retention = busy();
  for (let times = 0; times < 1_000; times += 1) {
    assert.deepEqual(retention.decide(candidate(1, { failed: true }), START), { reason: "failed" });
  }
});

test("keeps the slowest of each operation and minute, in place of the one before", () => {
  const retention = busy();
  const first = candidate(5_000);
  assert.deepEqual(retention.decide(first, START), { reason: "slow" });
  assert.equal(retention.decide(candidate(4_000), START), undefined);
  const second = candidate(6_000);
  assert.deepEqual(retention.decide(second, START), { reason: "slow", replaces: first.id });
  assert.deepEqual(retention.decide(candidate(10, { operation: "cart" }), START), { reason: "slow" });
  for (let index = 0; index < 60; index += 1) retention.decide(candidate(1, { operation: "x" }), START + 59_999);
  assert.deepEqual(retention.decide(candidate(1), START + 60_000), { reason: "slow" }, "another minute");
});
