/** A bounded sample of the judge's simulation, and that the documents show the last whole one. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { SeededRandom } from "@row/load/seeded-random.ts";
import { test } from "vitest";
import { Binomials } from "./binomial.ts";
import { type Simulation, shortcomings, simulate, tablesOf } from "./result.ts";
import { EQUAL_VERSIONS, GOOD_CANARIES, HARMFUL_CANARIES } from "./scenarios.ts";

const root = resolve(import.meta.dirname, "../..");
const latest: Simulation = JSON.parse(readFileSync(resolve(import.meta.dirname, "results/latest.json"), "utf8"));

test("equal versions are rolled back rarely, harmful ones in time, and good ones promoted, in a small sample", () => {
  assert.deepEqual(shortcomings(simulate(7, { equal: 150, harmful: 150 }, () => {})), []);
});

test("the last whole simulation had its runs in every scenario, and held what was promised", () => {
  assert.deepEqual(latest.runs, { equal: 10_000, harmful: 2_000 });
  const names = (rows: readonly { readonly name: string }[]) => rows.map(({ name }) => name);
  assert.deepEqual(names(latest.equal), names(EQUAL_VERSIONS));
  assert.deepEqual(names(latest.harmful), names(HARMFUL_CANARIES));
  assert.deepEqual(names(latest.good), names(GOOD_CANARIES));
  assert.deepEqual(shortcomings(latest), []);
});

test("docs/experiments.md shows the last whole simulation", () => {
  const text = readFileSync(resolve(root, "docs/experiments.md"), "utf8");
  assert.deepEqual(
    tablesOf(latest).filter((row) => !text.includes(row)),
    [],
  );
});

test("binomial numbers have the mean and the variance of their distribution, and stay in its range", () => {
  const binomials = new Binomials(new SeededRandom(1));
  for (const [trials, probability] of [
    [20, 0.01],
    [200, 0.5],
    [400, 0.1],
  ] as const) {
    const drawn = Array.from({ length: 40_000 }, () => binomials.draw(trials, probability));
    const mean = drawn.reduce((sum, one) => sum + one, 0) / drawn.length;
    const variance = drawn.reduce((sum, one) => sum + (one - mean) ** 2, 0) / drawn.length;
    const wanted = trials * probability * (1 - probability);
    assert.ok(Math.abs(mean - trials * probability) < 5 * Math.sqrt(wanted / drawn.length), `mean ${mean}`);
    assert.ok(Math.abs(variance / wanted - 1) < 0.05, `variance ${variance}`);
    assert.ok(drawn.every((one) => one >= 0 && one <= trials));
  }
});
