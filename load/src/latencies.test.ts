import assert from "node:assert/strict";
import { test } from "vitest";
import { Latencies } from "./latencies.ts";

/** As HdrHistogram promises for three significant digits. */
function isClose(actual: number, expected: number): boolean {
  return Math.abs(actual / expected - 1) < 0.001;
}

test("finds the value that a share of all lie at or below, to three digits", () => {
  const latencies = new Latencies();
  for (let value = 100; value >= 1; value -= 1) latencies.add(value);
  assert.equal(latencies.count, 100);
  for (const share of [0.5, 0.9, 0.99, 1]) {
    assert.ok(isClose(latencies.quantile(share), share * 100), `p${share * 100} is ${latencies.quantile(share)}`);
  }
});

test("tells microseconds from one another as well as seconds", () => {
  const latencies = new Latencies();
  latencies.add(0.123);
  assert.ok(isClose(latencies.quantile(0.5), 0.123));
  latencies.reset();
  latencies.add(9_870);
  assert.ok(isClose(latencies.quantile(0.5), 9_870));
});

test("has no quantile without values, and loses none that is out of bounds", () => {
  const latencies = new Latencies();
  assert.equal(latencies.quantile(0.99), 0);
  latencies.add(0);
  latencies.add(10_000_000);
  assert.equal(latencies.count, 2);
  assert.ok(isClose(latencies.quantile(1), 300_000));
});
