import assert from "node:assert/strict";
import { test } from "vitest";
import { FailureAccrual } from "./failure-accrual.ts";

function breaker(jitterRatio = 0): FailureAccrual {
  const health = new FailureAccrual("orders-v1-1", "catalog", "catalog-v1-1");
  health.policy = { maxFailures: 3, minPenaltyMs: 1_000, maxPenaltyMs: 60_000, jitterRatio };
  return health;
}

test("trips at the last of the failures in a row, and not when a success is among them", () => {
  const health = breaker();
  assert.deepEqual(
    [true, true, false, true, true].map((failed) => health.record(failed)),
    Array(5).fill(false),
  );
  assert.equal(health.record(true), true);
});

test("the penalty doubles with each failed probe up to the longest, and a success starts over", () => {
  const health = breaker();
  const penalties = Array.from({ length: 8 }, () => {
    const penalty = health.trip(0);
    health.release();
    assert.equal(health.record(true), true, "one failure on probation is enough");
    return penalty;
  });
  assert.deepEqual(penalties, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  health.record(false);
  assert.equal(health.state, "closed");
  assert.equal(health.record(true), false);
  assert.equal(health.trip(0), 1_000);
});

test("jitter adds up to its share and never exceeds the longest penalty", () => {
  assert.equal(breaker(0.5).trip(1), 1_500);
  const health = breaker(0.5);
  for (let times = 0; times < 10; times += 1) assert.ok(health.trip(1) <= 60_000);
});

test("answers that were under way when it was taken out change nothing", () => {
  const health = breaker();
  health.trip(0);
  assert.equal(health.record(true), false);
  assert.equal(health.record(false), false);
  assert.equal(health.state, "open");
});

test("nothing trips without a policy", () => {
  const health = new FailureAccrual("orders-v1-1", "catalog", "catalog-v1-1");
  for (let times = 0; times < 100; times += 1) assert.equal(health.record(true), false);
});
