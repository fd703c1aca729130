import assert from "node:assert/strict";
import { test } from "vitest";
import { Latencies, median } from "./latencies.ts";

test("finds the value that a share of all lie at or below", () => {
  const latencies = new Latencies();
  for (let value = 100; value >= 1; value -= 1) latencies.add(value);
  assert.equal(latencies.quantile(0.5), 50);
  assert.equal(latencies.quantile(0.99), 99);
  assert.equal(latencies.quantile(1), 100);
});

test("has no quantile without values", () => {
  assert.equal(new Latencies().quantile(0.99), 0);
});

test("takes the middle of the rounds", () => {
  assert.equal(median([30, 10, 20]), 20);
});
