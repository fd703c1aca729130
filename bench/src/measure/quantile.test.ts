import assert from "node:assert/strict";
import { test } from "vitest";
import { median, quantile } from "./quantile.ts";

test("finds the value that a share of all lie at or below", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(quantile(values, 0.5), 50);
  assert.equal(quantile(values, 0.99), 99);
  assert.equal(quantile(values, 1), 100);
});

test("has no quantile without values", () => {
  assert.equal(quantile([], 0.99), 0);
});

test("takes the middle of the rounds", () => {
  assert.equal(median([30, 10, 20]), 20);
});
