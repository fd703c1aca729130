import assert from "node:assert/strict";
import { test } from "vitest";
import { ratioInterval } from "./interval.ts";

test("what slows a whole round changes nothing", () => {
  assert.deepEqual(ratioInterval([20, 2, 200], [10, 1, 100]), { mean: 2, low: 2, high: 2 });
});

test("twice as fast and half as fast cancel out", () => {
  const { mean, low, high } = ratioInterval([2, 1], [1, 2]);
  assert.ok(Math.abs(mean - 1) < 1e-12);
  assert.ok(Math.abs(low * high - 1) < 1e-9);
});

test("the interval of three rounds is that of Student's t with two degrees of freedom", () => {
  // ln 1, ln 2, ln 4: mean ln 2, standard error ln 2 / √3, t = 4.303.
  const { mean, low, high } = ratioInterval([1, 2, 4], [1, 1, 1]);
  assert.ok(Math.abs(mean - 2) < 1e-12);
  assert.ok(Math.abs(Math.log(high / mean) - (4.303 * Math.LN2) / Math.sqrt(3)) < 1e-9);
  assert.ok(Math.abs(Math.log(mean / low) - (4.303 * Math.LN2) / Math.sqrt(3)) < 1e-9);
});

test("refuses a single round, and a value of nothing", () => {
  assert.throws(() => ratioInterval([1], [1]), RangeError);
  assert.throws(() => ratioInterval([1, 0], [1, 1]), RangeError);
});
