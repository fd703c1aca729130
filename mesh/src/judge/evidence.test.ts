/** The evidence, by the vectors and properties of its formulas: Turner, Ly and Grünwald (arXiv 2106.02693), Ville's inequality. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import {
  deltasOf,
  type Evidence,
  interval,
  logA,
  logB,
  logE,
  logEOfAll,
  logPromotion,
  type Measure,
  noEvidence,
  pValue,
  withWindows,
} from "./evidence.ts";
import { logFactors, logRateFactors, type Window } from "./window-factor.ts";

const FAILURES: Measure = { kind: "proportion", riskRatio: 2 };

test("one window's factor is e^(δF) over its mean under chance", () => {
  const factors = [0, 1, 2].map((failed) => factorOf(window(2, 2 - failed, 2, failed), 2));
  assertClose(factors, [6 / 13, 12 / 13, 24 / 13], 1e-14);
  assertClose([factorOf(window(10, 0, 2, 1), 2)], [12 / 7], 1e-14);
});

test("equal windows multiply: one failure of the canary's alone, t times", () => {
  for (const t of [1, 5, 40]) {
    const [log = 0] = logFactors(window(1, 0, 1, 1), [Math.log(3)]);
    assertClose([Math.exp(t * log)], [1.5 ** t], 1e-12);
  }
});

// The values are those of the tests of safestats, an R package of the authors.
test("mixed over a normal prior of the log odds, the factors give the values of safestats", () => {
  const values = [1, 2, 3, 4, 5].map((t) =>
    overNormalPrior((delta) => Math.exp(t * (logFactors(window(1, 0, 1, 1), [delta])[0] ?? 0))),
  );
  assertClose(values, [1, 1.173516143432372, 1.520548430297116, 2.105509009062085, 3.057222176662974], 1e-12);
});

const GETTING_WORSE = [window(900, 9, 100, 1), window(900, 9, 100, 4), window(900, 8, 100, 6)];

test("the evidence is the mean over the seven risk ratios of what the windows so far multiply to", () => {
  const values = [1, 2, 3].map((count) => Math.exp(logE(evidenceOf(GETTING_WORSE.slice(0, count)))));
  assertClose(values, [0.479805, 1.876602, 75.856292], 1e-6);
});

test("windows without a difference speak against a doubled rate, more with each", () => {
  const values = [1, 5, 10, 20].map((times) => {
    return Math.exp(logA(evidenceOf(Array.from({ length: times }, () => window(900, 9, 100, 1)))));
  });
  assertClose(values, [1.292547, 3.607717, 13.015623, 169.406438], 1e-6);
});

test("successes of the canary speak against a rate above the ceiling", () => {
  const values = [100, 331, 500].map((total) => Math.exp(logB({ total, failed: 0 }, 0.01)));
  assertClose(values, [2.4719, 19.9953, 92.2883], 1e-4);
});

test("405 requests without a failure are enough for a ceiling of 1 %, and 404 are not", () => {
  const measure = { ...FAILURES, ceiling: 0.01 };
  const promotion = (total: number) => Math.exp(logPromotion(evidenceOf([window(405, 0, total, 0)]), measure));
  assert.ok(promotion(404) < 20);
  assert.ok(promotion(405) >= 20);
});

test("the evidence of several metrics is the mean by their shares", () => {
  const strong = evidenceOf(GETTING_WORSE);
  const none = noEvidence(deltasOf(FAILURES));
  const all = logEOfAll([
    { share: 0.25, evidence: strong },
    { share: 0.75, evidence: none },
  ]);
  assertClose([Math.exp(all)], [0.25 * 75.856292 + 0.75], 1e-6);
});

test("chance alone never makes a window's factor larger than 1 in the mean", () => {
  const sizes = fc.integer({ min: 0, max: 30 });
  fc.assert(
    fc.property(
      sizes,
      sizes,
      fc.nat(),
      fc.double({ min: -4, max: 4, noNaN: true }),
      (baseline, canary, some, delta) => {
        const failures = some % (baseline + canary + 1);
        const chances = hypergeometric(baseline, canary, failures);
        const mean = chances.reduce((sum, { failed, chance }) => {
          const [log = 0] = logFactors(window(baseline, failures - failed, canary, failed), [delta]);
          return sum + chance * Math.exp(log);
        }, 0);
        assertClose([mean], [1], 1e-9);
      },
    ),
  );
});

test("without failures, or with one version silent, a window says nothing", () => {
  const counts = fc.integer({ min: 0, max: 1_000_000 });
  fc.assert(
    fc.property(counts, counts, (one, other) => {
      assert.equal(logE(evidenceOf([window(one, 0, other, 0)])), 0);
      assert.equal(logE(evidenceOf([window(one, Math.min(one, other), 0, 0)])), 0);
      assert.equal(logA(evidenceOf([window(0, 0, one, Math.min(one, other))])), 0);
    }),
  );
});

test("the order of windows and strata changes nothing, nor whether they come in one second or in several", () => {
  fc.assert(
    fc.property(fc.array(windows(), { maxLength: 20 }), (all) => {
      const together = evidenceOf(all);
      const backwards = evidenceOf([...all].reverse());
      const deltas = deltasOf(FAILURES);
      const oneByOne = all.reduce<Evidence>(
        (before, one) => withWindows(before, [one], FAILURES, deltas),
        noEvidence(deltas),
      );
      for (const other of [backwards, oneByOne]) {
        assertClose(other.logRatios, together.logRatios, 1e-9);
        assert.deepEqual([other.baseline, other.canary], [together.baseline, together.canary]);
      }
    }),
  );
});

// Simpson's paradox: by method both versions are equal, and the canary only serves more of the method that fails.
test("strata are compared each by itself: a canary that serves more of what fails anyhow is not blamed", () => {
  const good = window(900, 9, 100, 1);
  const bad = window(100, 50, 900, 450);
  const merged = window(1000, 59, 1000, 451);
  assert.ok(logE(evidenceOf([good, bad])) < 0);
  assert.ok(logE(evidenceOf([merged])) > 100);
});

test("ten million windows overflow nothing", () => {
  const deltas = deltasOf(FAILURES);
  const quiet = Array.from({ length: 10_000 }, () => window(100, 0, 100, 0));
  let silent = noEvidence(deltas);
  for (let times = 0; times < 1_000; times += 1) silent = withWindows(silent, quiet, FAILURES, deltas);
  assert.deepEqual([silent.canary, logE(silent), logA(silent)], [{ total: 1e9, failed: 0 }, 0, 0]);
  for (const one of [window(100, 1, 100, 60), window(100, 60, 100, 1)]) {
    const once = evidenceOf([one]);
    const often = { ...once, logRatios: once.logRatios.map((log) => log * 1e7) };
    for (const value of [logE(often), logA(often), logPromotion(often, { ...FAILURES, ceiling: 0.01 })]) {
      assert.ok(Number.isFinite(value), String(value));
    }
    assert.ok(pValue({ ...often, highestLogE: logE(often) }) >= 0);
    const { from, to = Number.POSITIVE_INFINITY } = interval(often, 0.05);
    assert.ok(from <= to);
  }
});

test("a window of a hundred thousand requests, half of which fail, has a finite factor", () => {
  const [log = Number.NaN] = logFactors(window(50_000, 25_000, 50_000, 25_000), [Math.log(2)]);
  assert.ok(log < 0 && Number.isFinite(log), String(log));
});

test("p is one over the highest evidence there was, and 1 before there is any", () => {
  const deltas = deltasOf(FAILURES);
  const alarmed = withWindows(noEvidence(deltas), GETTING_WORSE.slice(0, 2), FAILURES, deltas);
  const worst = withWindows(alarmed, GETTING_WORSE.slice(2), FAILURES, deltas);
  const calmed = withWindows(
    worst,
    Array.from({ length: 50 }, () => window(900, 9, 100, 0)),
    FAILURES,
    deltas,
  );
  assert.equal(pValue(noEvidence(deltas)), 1);
  assertClose([pValue(calmed)], [1 / 75.856292], 1e-6);
  assert.ok(logE(calmed) < 0);
});

test("the interval holds the risk ratio that the data show, is unbounded without data, and narrows with more", () => {
  const twice = window(5_000, 50, 5_000, 100);
  assert.deepEqual(interval(noEvidence(deltasOf(FAILURES)), 0.05), { from: 0 });
  const few = interval(evidenceOf([twice]), 0.05);
  const many = interval(evidenceOf(Array.from({ length: 20 }, () => twice)), 0.05);
  assert.ok(few.from < 2 && few.to !== undefined && few.to > 2);
  assert.ok(many.from > few.from && many.from < 2);
  assert.ok(many.to !== undefined && many.to < few.to && many.to > 2);
});

test("the interval leaves out 1 when the canary alone is rejected as no worse, and only then", () => {
  fc.assert(
    fc.property(fc.array(windows(), { minLength: 1, maxLength: 10 }), (all) => {
      const evidence = evidenceOf(all);
      if (Math.abs(logE(evidence) + Math.log(0.05)) < 1e-6) return;
      const { from, to = Number.POSITIVE_INFINITY } = interval(evidence, 0.05);
      const holdsOne = from <= 1 && to >= 1;
      assert.equal(holdsOne, logE(evidence) < -Math.log(0.05));
    }),
  );
});

// Hoeffding (1963): for convex functions, drawing without replacement is bounded by drawing with it.
test("calls downstream in clumps up to the largest do not raise the mean of the factor above 1", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 8 }),
      fc.nat(),
      fc.double({ min: 0, max: 3, noNaN: true }),
      (callsOfRequests, some, delta) => {
        const ofCanary = 1 + (some % (callsOfRequests.length - 1));
        const factors = sharings(callsOfRequests, ofCanary).map(({ baseline, canary }) =>
          Math.exp(logRateFactors({ baseline, canary }, 4, [delta])[0] ?? 0),
        );
        const mean = factors.reduce((sum, factor) => sum + factor, 0) / factors.length;
        assert.ok(mean <= 1 + 1e-9, String(mean));
      },
    ),
  );
});

test("a canary that calls three times as often a request is found out", () => {
  const calls: Measure = { kind: "rate", riskRatio: 1.5 };
  const seconds = Array.from({ length: 5 }, () => window(20, 20, 20, 60));
  assert.ok(logE(evidenceOf(seconds, calls)) > Math.log(20));
  assert.ok(logA(evidenceOf(seconds, calls)) < 0);
});

test("counts that cannot be are refused", () => {
  const impossible = [window(1, 2, 1, 0), window(1, 0, -1, 0), window(1, 0.5, 1, 0), window(1, 0, Number.NaN, 0)];
  for (const one of impossible) assert.throws(() => evidenceOf([one]), /Cannot judge .*: they are no counts/);
});

function window(baselineTotal: number, baselineFailed: number, canaryTotal: number, canaryFailed: number): Window {
  return {
    baseline: { total: baselineTotal, failed: baselineFailed },
    canary: { total: canaryTotal, failed: canaryFailed },
  };
}

function windows(): fc.Arbitrary<Window> {
  const total = fc.integer({ min: 0, max: 300 });
  return fc
    .record({
      b: total,
      c: total,
      x: fc.double({ min: 0, max: 1, noNaN: true }),
      y: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ b, c, x, y }) => window(b, Math.floor(b * x), c, Math.floor(c * y)));
}

function evidenceOf(all: readonly Window[], measure: Measure = FAILURES): Evidence {
  const deltas = deltasOf(measure);
  return withWindows(noEvidence(deltas), all, measure, deltas);
}

function factorOf(one: Window, riskRatio: number): number {
  return Math.exp(logFactors(one, [Math.log(riskRatio)])[0] ?? 0);
}

/** ∫ f(x) φ(x) dx by the trapezoidal rule, which is exact to the last digit for smooth functions under a normal density. */
function overNormalPrior(f: (x: number) => number): number {
  const step = 1 / 32;
  let sum = 0;
  for (let x = -12; x <= 12; x += step) sum += (f(x) * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
  return sum * step;
}

function hypergeometric(baseline: number, canary: number, failures: number) {
  const all: { failed: number; chance: number }[] = [];
  for (let failed = Math.max(0, failures - baseline); failed <= Math.min(failures, canary); failed += 1) {
    const chance = (choose(canary, failed) * choose(baseline, failures - failed)) / choose(baseline + canary, failures);
    all.push({ failed, chance });
  }
  return all;
}

function choose(n: number, k: number): number {
  let ways = 1;
  for (let index = 1; index <= k; index += 1) ways *= (n - k + index) / index;
  return ways;
}

/** Every way in which so many of the requests can fall to the canary. */
function sharings(callsOfRequests: readonly number[], ofCanary: number): Window[] {
  const sum = (calls: readonly number[]) => calls.reduce((total, one) => total + one, 0);
  const all: Window[] = [];
  for (let mask = 0; mask < 2 ** callsOfRequests.length; mask += 1) {
    const canary = callsOfRequests.filter((_, index) => (mask >> index) & 1);
    if (canary.length !== ofCanary) continue;
    const made = sum(canary);
    all.push(window(callsOfRequests.length - ofCanary, sum(callsOfRequests) - made, ofCanary, made));
  }
  return all;
}

function assertClose(actual: readonly number[], wanted: readonly number[], relative: number): void {
  assert.equal(actual.length, wanted.length);
  for (const [index, value] of actual.entries()) {
    const target = wanted[index] ?? Number.NaN;
    const allowed = relative * Math.max(1, Math.abs(target));
    assert.ok(Math.abs(value - target) <= allowed, `${value} is not ${target}`);
  }
}
