/** The report of a run in Chromium: on a wide screen, on a phone, in the dark and in print. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { reportOf } from "@row/mesh/experiments/report/report.ts";
import { judgeRun } from "@row/mesh/experiments/run-result.ts";
import type { JudgeRule } from "@row/mesh/judge/rule.ts";
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import { Browser, isMissing } from "../harness/browser.ts";
import { RULE as USUAL } from "../harness/judge-rule.ts";

const GATE = { kind: "proportion", unit: "requests", riskRatio: 2, decides: true } as const;
const RULE: JudgeRule = {
  ...USUAL,
  warmUpSeconds: 5,
  gates: ["failures", "latency-p50", "latency-p90", "latency-p99", "calls", "cancelled-orders"].map((name) => ({
    ...GATE,
    name,
    title: `requests counted by ${name}`,
    share: 1 / 6,
  })),
  invariants: { "order-total": "an order's total is the sum of its items" },
};
const folder = mkdtempSync(join(tmpdir(), "row-report-"));
const page = pathToFileURL(join(folder, "report.html")).href;
let browser: Browser;

beforeAll(async () => {
  const seconds = Array.from({ length: 60 }, (_, second) => {
    const stratum = { stratum: "x", baseline: { total: 20, failed: 0 }, canary: { total: 20, failed: second % 2 } };
    const requests = { stable: 160, baseline: 20, canary: 20 };
    const examples = { failures: `trace ${"4bf92f3577b34da6a3ce929d0e0e4736".repeat(2)}` };
    return { second, step: 0, requests, metrics: { failures: [stratum] }, examples };
  });
  const run = { experiment: "errors", rule: RULE, seconds };
  assert.equal(judgeRun(run).result.verdict?.outcome, "rolled back");
  writeFileSync(join(folder, "report.html"), reportOf(run));
  if (isMissing === false) browser = await Browser.start();
});
beforeEach((context) => context.skip(isMissing !== false, `${isMissing}`));
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

for (const width of [1280, 390]) {
  test(`at ${width} px nothing reaches beyond the screen, and every chart and number is there`, async () => {
    await browser.call("Emulation.setDeviceMetricsOverride", {
      width,
      height: 800,
      deviceScaleFactor: 1,
      mobile: width < 500,
    });
    await browser.open(page);
    const seen = await browser.evaluate(`({
      fits: document.documentElement.scrollWidth <= innerWidth,
      table: [...document.querySelectorAll(".wide")].every(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth),
      charts: [...document.querySelectorAll("figure > svg")].filter((chart) => chart.getBoundingClientRect().width > 250).length,
      verdict: document.querySelector(".verdict strong").innerText,
      small: Math.min(...[...document.querySelectorAll("figure > svg")].map((chart) => 13 * chart.getBoundingClientRect().width / 460)) >= 9,
    })`);
    assert.deepEqual(seen, { fits: true, table: true, charts: 5, verdict: "✕ rolled back", small: true });
  });
}

test("in the dark the page is dark and its text light, on paper the other way round", async () => {
  await browser.open(page);
  const colours = `(() => {
    const brightness = (colour) => colour.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;
    const { backgroundColor, color } = getComputedStyle(document.body);
    return brightness(color) > brightness(backgroundColor) + 0.5 ? "light on dark"
      : brightness(backgroundColor) > brightness(color) + 0.5 ? "dark on light" : backgroundColor + " " + color;
  })()`;
  const shown = async (media: string, scheme: string) => {
    await browser.call("Emulation.setEmulatedMedia", {
      media,
      features: [{ name: "prefers-color-scheme", value: scheme }],
    });
    return browser.evaluate(colours);
  };
  assert.equal(await shown("screen", "light"), "dark on light");
  assert.equal(await shown("screen", "dark"), "light on dark");
  assert.equal(await shown("print", "dark"), "dark on light");
});

test("it prints on a few pages", async () => {
  await browser.open(page);
  const { data } = await browser.call("Page.printToPDF", { printBackground: false });
  const pages =
    Buffer.from(String(data), "base64")
      .toString("latin1")
      .match(/\/Type\s*\/Page\b/g)?.length ?? 0;
  assert.ok(pages >= 1 && pages <= 4, `${pages} pages`);
});

test("it asks for nothing but itself", async () => {
  browser.requested.length = 0;
  await browser.open(page);
  assert.deepEqual(browser.requested, [page]);
});
