/** The report says what the result says, needs nothing from elsewhere, and can be read without colour. */
import assert from "node:assert/strict";
import { RULE as USUAL } from "@row/tests/harness/judge-rule.ts";
import { test } from "vitest";
import type { JudgeRule } from "../../judge/rule.ts";
import type { SecondCounts } from "../../judge/second-counts.ts";
import { judgeRun } from "../run-result.ts";
import { reportOf } from "./report.ts";
import { wilson } from "./wilson.ts";

const GATE = { unit: "requests", kind: "proportion", riskRatio: 2, decides: true } as const;
const RULE: JudgeRule = {
  ...USUAL,
  steps: [
    { weights: { stable: 80, baseline: 10, canary: 10 }, minRequests: 0, minSeconds: 10 },
    { weights: { stable: 0, baseline: 50, canary: 50 }, minRequests: 0, minSeconds: 10 },
  ],
  warmUpSeconds: 5,
  gates: [
    { ...GATE, name: "failures", title: "failed requests", share: 0.5, ceiling: 0.01 },
    { ...GATE, name: "latency-p99", title: "requests that took longer", share: 0.25 },
    { ...GATE, name: "calls", title: "calls", kind: "rate", share: 0.25, clump: 4 },
  ],
  invariants: { "order-total": "an order's total is the sum of its items" },
};
const BAD = { experiment: "errors", rule: RULE, seconds: seconds(60, 3) };

test("every number of the report is a number of the result", () => {
  const numbers = numbersIn(judgeRun(BAD).result);
  const shown = [...reportOf(BAD).matchAll(/<data value="([^"]+)">([^<]+)</g)].map(([, value]) => Number(value));
  assert.ok(shown.length > 25, `${shown.length} numbers`);
  assert.deepEqual(
    shown.filter((value) => !numbers.has(value)),
    [],
  );
});

test("the report has the result's sentence, both versions of each gate, and the evidence over all", () => {
  const { result } = judgeRun(BAD);
  const text = reportOf(BAD);
  assert.equal(result.verdict?.outcome, "rolled back");
  assert.ok(text.includes(result.verdict.sentence));
  for (const { name, canary, baseline, logE } of result.gates) {
    const row = new RegExp(`<tr[^>]*><th scope="row">${name}</th>.*</tr>`).exec(text)?.[0] ?? "";
    for (const value of [canary.failed, canary.total, baseline.failed, baseline.total, logE])
      assert.ok(row.includes(`<data value="${value}">`), `${name}: ${value}`);
  }
  assert.match(text, /<tr class="decided"><th scope="row">failures<\/th>/);
});

test("each outcome has a sign and a word, and a run without a verdict says so", () => {
  const outcomes = [
    [BAD, "✕ rolled back"],
    [{ ...BAD, seconds: seconds(60, 0) }, "✓ promoted"],
    [{ ...BAD, rule: { ...RULE, longestSeconds: 7 }, seconds: seconds(7, 0) }, "? inconclusive"],
    [{ ...BAD, seconds: seconds(3, 0) }, "… no verdict yet"],
    [{ ...BAD, seconds: [] }, "… no verdict yet"],
  ] as const;
  for (const [run, sign] of outcomes) assert.ok(reportOf(run).includes(`<strong>${sign}</strong>`), sign);
});

test("curves differ by dashes and marks, not by colour alone, and say in words what they show", () => {
  const text = reportOf(BAD);
  const [figure = ""] = text.match(/<figure>\n<figcaption>Evidence that the canary is worse[\s\S]*?<\/figure>/) ?? [];
  const curves = [
    ...figure.matchAll(/<path class="curve c\d( main)?"( stroke-dasharray="[^"]+")? d="M[^1][^"]{20,}"/g),
  ];
  assert.equal(curves.length, 4);
  assert.equal(new Set(curves.map(([, , dashes]) => dashes)).size, 4);
  for (const [figureText] of text.matchAll(/<figure>[\s\S]*?<\/figure>/g))
    assert.match(figureText, /role="img" aria-label="[^"]+At the end: [^"]+"/);
  assert.match(figure, />20 rolls back</);
  assert.match(figure, />compared from here</);
});

test("the report loads nothing and runs nothing", () => {
  const text = reportOf(BAD);
  assert.match(text, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  assert.doesNotMatch(text, /<script|https?:|\bsrc=|url\(|@import|<link/);
});

test("what comes from outside is text in the report, whatever it holds", () => {
  const example = `<img src=x onerror=alert(1)> & "quotes"`;
  const all = seconds(60, 3).map((one) => ({ ...one, examples: { failures: example, "latency-p99": example } }));
  const text = reportOf({ ...BAD, experiment: "<b>bold</b>", seconds: all });
  assert.doesNotMatch(text, /<img|<b>bold/);
  assert.equal(text.split("&lt;img src=x onerror=alert(1)&gt; &amp; &quot;quotes&quot;").length, 4);
});

// Newcombe (1998), table I: 81 of 263, 0 of 20, and 1 of 29.
test("shares have Wilson's interval", () => {
  for (const [failed, total, from, to] of [
    [81, 263, 0.2553, 0.3662],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const) {
    const found = wilson(failed, total);
    assert.deepEqual([found.from.toFixed(4), found.to.toFixed(4)], [from.toFixed(4), to.toFixed(4)]);
  }
});

function seconds(count: number, failed: number): SecondCounts[] {
  return Array.from({ length: count }, (_, second) => {
    const canary = { total: 100, failed: second >= 8 ? failed : 0 };
    const stratum = { stratum: "GetProduct by edge", baseline: { total: 100, failed: 0 }, canary };
    const equal = { ...stratum, baseline: { total: 100, failed: 10 }, canary: { total: 100, failed: 10 } };
    const step = second < 12 ? 0 : 1;
    const requests =
      step === 0 ? { stable: 800, baseline: 100, canary: 100 } : { stable: 0, baseline: 100, canary: 100 };
    return { second, step, requests, metrics: { failures: [stratum], "latency-p99": [equal], calls: [equal] } };
  });
}

function numbersIn(value: unknown): Set<number> {
  if (typeof value === "number") return new Set([value]);
  if (typeof value !== "object" || value === null) return new Set();
  return new Set(Object.values(value).flatMap((item) => [...numbersIn(item)]));
}
