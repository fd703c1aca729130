import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { BUCKETS, boundOf, bucketOf, quantile, quantileBound } from "./latency-buckets.ts";

const durations = fc.array(fc.integer({ min: 0, max: 120_000_000 }), { minLength: 1, maxLength: 200 });

test("a quantile is within 5 % of the one that all durations give", () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.01, 0.5, 0.95, 0.99, 1), (all, share) => {
      const exact = all.toSorted((one, other) => one - other)[Math.max(0, Math.ceil(share * all.length) - 1)] ?? 0;
      const counted = quantile(count(all), share) ?? Number.NaN;
      assert.ok(Math.abs(counted - exact) <= exact * 0.05, `${counted} for ${exact}`);
    }),
  );
});

test("durations below 32 µs are told apart exactly", () => {
  for (let us = 0; us < 32; us += 1) assert.equal(quantile(count([us]), 0.5), us);
});

test("every duration has a bucket, and a longer one never an earlier", () => {
  fc.assert(
    fc.property(fc.integer({ min: -10, max: 2 ** 40 }), fc.integer({ min: 0, max: 2 ** 40 }), (us, more) => {
      assert.ok(bucketOf(us) >= 0 && bucketOf(us) < BUCKETS);
      assert.ok(bucketOf(us + more) >= bucketOf(us));
    }),
  );
});

test("a bound is the longest duration of its bucket, and no more than the share takes longer than that of a quantile", () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.9, 0.99), (all, share) => {
      const bound = quantileBound(count(all), share) ?? Number.NaN;
      assert.equal(boundOf(bound), bound);
      assert.ok(bucketOf(bound + 1) > bucketOf(bound));
      assert.ok(all.filter((us) => us > bound).length <= all.length * (1 - share) + 1e-9);
    }),
  );
});

test("there is no quantile of nothing", () => {
  assert.equal(quantile(count([]), 0.5), undefined);
  assert.equal(quantileBound(count([]), 0.5), undefined);
});

function count(all: number[]): Uint32Array {
  const counts = new Uint32Array(BUCKETS);
  for (const us of all) counts[bucketOf(us)] = (counts[bucketOf(us)] ?? 0) + 1;
  return counts;
}
