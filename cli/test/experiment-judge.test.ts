/** `row experiment judge` as a user runs it, on a run's folder. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { countsHead, countsLine } from "@row/mesh/experiments/counts-file.ts";
import { RULE } from "@row/tests/harness/judge-rule.ts";
import { type TestContext, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const MAIN = join(ROOT, "cli/src/main.ts");

test("says the verdict, and for each gate both versions' numbers, the interval and the evidence", (context) => {
  const { status, stdout } = judge(folderWith(context, 60));
  assert.equal(status, 0);
  const [sentence = "", , header = "", failures = ""] = stdout.split("\n");
  assert.match(sentence, /^Rolled back after \d+ s by failures: /);
  assert.match(header, /^GATE +BASELINE +CANARY +TIMES AS MUCH +TO ROLL BACK +TO PROMOTE$/);
  assert.match(failures, /^failures +0 of \d+ +\d+ of \d+ +[\d.]+ or more +\d+ +[\d.e-]+$/);
  assert.match(stdout, /\nneeded +20 +20 each\n$/);
});

test("compares with the result that lies beside the counts, and exits with 1 when it says something else", (context) => {
  const folder = folderWith(context, 60);
  const result = JSON.parse(judge(folder, "--json").stdout);
  const keep = (kept: unknown) => writeFileSync(join(folder, "result.json"), JSON.stringify(kept));
  keep(result);
  assert.match(judge(folder).stdout, /\n\S+result\.json says the same\n$/);
  keep({ ...result, verdict: { ...result.verdict, outcome: "promoted" } });
  const { status, stderr } = judge(join(folder, "counts.jsonl"));
  assert.equal(status, 1);
  assert.match(stderr, /result\.json says something else: the verdict was promoted and is rolled back\n$/);
});

test("writes a report where it is told to, and says where it cannot", (context) => {
  const folder = folderWith(context, 60);
  const file = join(folder, "report.html");
  assert.equal(judge(folder, "--report", file).status, 0);
  assert.match(readFileSync(file, "utf8"), /^<!doctype html>[\s\S]*Rolled back after \d+ s by failures/);
  assert.match(judge(folder, "--report", join(folder, "none/report.html")).stderr, /^Cannot write \S+: ENOENT/);
});

test("says so when there is no verdict yet, or nothing to judge", (context) => {
  assert.match(judge(folderWith(context, 3)).stdout, /^No verdict after 3 s\n/);
  assert.match(judge("nowhere").stderr, /^Cannot read nowhere: there is no such file or folder\n$/);
  assert.match(judge(ROOT).stderr, /^Cannot judge \S+: there is no counts\.jsonl in it\n$/);
});

function judge(...args: string[]) {
  const env = { ...process.env, NO_COLOR: "1" };
  return spawnSync(process.execPath, [MAIN, "experiment", "judge", ...args], { cwd: ROOT, env, encoding: "utf8" });
}

/** A run in which the canary fails once in every second second, for so long. */
function folderWith(context: Pick<TestContext, "onTestFinished">, seconds: number): string {
  const folder = mkdtempSync(join(tmpdir(), "row-run-"));
  context.onTestFinished(() => rmSync(folder, { recursive: true }));
  const lines = Array.from({ length: seconds }, (_, second) => {
    const canary = { total: 20, failed: second % 2 };
    const failures = [{ stratum: "GetProduct by edge", baseline: { total: 20, failed: 0 }, canary }];
    const requests = { stable: 160, baseline: 20, canary: 20 };
    return countsLine({ second, step: 0, requests, metrics: { failures } });
  });
  writeFileSync(join(folder, "counts.jsonl"), countsHead({ experiment: "errors", rule: RULE }) + lines.join(""));
  return folder;
}
