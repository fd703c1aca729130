import assert from "node:assert/strict";
import { test } from "vitest";
import { arrivals, type Schedule } from "./arrivals.ts";

const SCHEDULE: Schedule = { perSecond: 100, seconds: 100, spacing: "poisson", seed: 7 };

test("the same seed gives the same arrivals, another one others", () => {
  const first = [...arrivals(SCHEDULE)];
  assert.deepEqual([...arrivals(SCHEDULE)], first);
  assert.notDeepEqual([...arrivals({ ...SCHEDULE, seed: 8 })], first);
});

test("uniform arrivals are equally far apart, as many as the rate and the time say", () => {
  const due = [...arrivals({ ...SCHEDULE, perSecond: 40, seconds: 2, spacing: "uniform" })];
  assert.equal(due.length, 80);
  assert.deepEqual(due.slice(0, 3), [0, 25, 50]);
  assert.equal(due.at(-1), 1_975);
});

// Of a Poisson process, gaps are exponential: their standard deviation is their mean, and e^-1 of them are longer than it.
test("Poisson arrivals come in order, at the rate, with exponential gaps", () => {
  const due = [...arrivals(SCHEDULE)];
  const gaps = due.map((at, index) => at - (due[index - 1] ?? 0));
  assert.ok(gaps.every((gap) => gap >= 0));
  assert.ok(Math.abs(due.length - 10_000) < 4 * Math.sqrt(10_000), `${due.length} arrivals`);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  assert.ok(Math.abs(deviation / mean - 1) < 0.05, `deviation ${deviation}, mean ${mean}`);
  const longer = gaps.filter((gap) => gap > mean).length / gaps.length;
  assert.ok(Math.abs(longer - Math.exp(-1)) < 0.02, `${longer} of the gaps are longer than their mean`);
});

test("no arrival is due when the time is over", () => {
  for (const spacing of ["poisson", "uniform"] as const) {
    assert.ok([...arrivals({ ...SCHEDULE, spacing })].every((due) => due < 100_000));
  }
});
