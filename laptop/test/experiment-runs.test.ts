/** What is kept of experiments' runs on disk: how many, and what becomes of a run whose runner was killed. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readCounts } from "@row/mesh/experiments/counts-file.ts";
import { RUN_FORMAT, type RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import { judgeRun } from "@row/mesh/experiments/run-result.ts";
import type { JudgeRule } from "@row/mesh/judge/rule.ts";
import { RULE as USUAL } from "@row/tests/harness/judge-rule.ts";
import { type TestContext, test } from "vitest";
import { openJournal } from "../src/experiments/journal.ts";
import { bringBackLeftovers, bringBackRun } from "../src/experiments/leftovers.ts";
import {
  allRuns,
  findRun,
  leftRuns,
  newRun,
  openRuns,
  readResult,
  runFiles,
  writeRecord,
} from "../src/experiments/runs.ts";
import type { AskMesh } from "../src/sidecars/requests.ts";
import { identify } from "../src/supervisor/process-identity.ts";

const NOBODY = { pid: 2 ** 22 + 1, started: "never" };
const RULE: JudgeRule = { ...USUAL, gates: [] };

test("the last fifty runs that are over are kept, and all that are not", (context) => {
  const stateDir = stateFolder(context);
  for (let minute = 0; minute < 60; minute += 1) keep(stateDir, minute, minute !== 3);
  const kept = allRuns(stateDir).map(({ startedTime }) => new Date(startedTime).getUTCMinutes());
  assert.deepEqual(kept, [3, ...Array.from({ length: 50 }, (_, index) => 10 + index)]);
  assert.deepEqual(
    openRuns(stateDir).map(({ run }) => run),
    ["errors-20261130-090300"],
  );
});

test("two runs that begin in the same second have folders of their own", (context) => {
  const stateDir = stateFolder(context);
  const time = new Date("2026-11-30T09:00:00Z");
  assert.deepEqual(
    [newRun(stateDir, "errors", time), newRun(stateDir, "errors", time)],
    ["errors-20261130-090000", "errors-20261130-090000-2"],
  );
});

test("a folder that a runner left empty is no run, and goes in time", (context) => {
  const stateDir = stateFolder(context);
  newRun(stateDir, "errors", new Date("2026-11-30T08:00:00Z"));
  assert.deepEqual(allRuns(stateDir), []);
  assert.throws(() => findRun(stateDir), /No experiment has run here: start one with `npx row experiment run errors`/);
});

test("a run is named by itself or by its experiment, of which the latest is meant", (context) => {
  const stateDir = stateFolder(context);
  for (const minute of [1, 2]) keep(stateDir, minute, true);
  assert.equal(findRun(stateDir, "errors").run, "errors-20261130-090200");
  assert.equal(findRun(stateDir, "errors-20261130-090100").run, "errors-20261130-090100");
  assert.throws(() => findRun(stateDir, "good"), /There is no run "good": `npx row experiment list --runs` names/);
});

test("a run whose process goes on is under way, one whose process is gone is left", (context) => {
  const stateDir = stateFolder(context);
  const mine = keep(stateDir, 1, false, identify(process.pid));
  const left = keep(stateDir, 2, false);
  assert.deepEqual(openRuns(stateDir), [mine, left]);
  assert.deepEqual(leftRuns(stateDir), [left]);
});

test("what is brought back ends the counts, where half a line was left of the last, so that the result follows from them", async (context) => {
  const stateDir = stateFolder(context);
  const record = keep(stateDir, 1, false);
  const files = runFiles(stateDir, record.run);
  const journal = openJournal(stateDir, record, RULE);
  const requests = { stable: 8, baseline: 1, canary: 1 };
  for (const second of [0, 1]) journal.counts({ second, step: 0, requests, metrics: {} });
  appendFileSync(files.counts, '{"second":2,"st');
  const asked: string[] = [];
  const over = await bringBackRun(stateDir, { ...record, phase: "compare" }, "abort", mesh(asked));
  assert.deepEqual(asked, ["restoreSplits", "deployments", "undeploy v2", "deployments", "undeploy v1-baseline"]);
  assert.deepEqual([over.ended?.outcome, over.ended?.by, over.phase], ["aborted", "abort", "over"]);
  const kept = readResult(files.result);
  assert.equal(kept.verdict?.reason, "aborted");
  assert.match(kept.verdict?.sentence ?? "", /^Inconclusive after 3 s: its runner ended without a word/);
  const { result } = judgeRun(readCounts(readFileSync(files.counts, "utf8"), files.counts));
  assert.deepEqual(result, kept);
  assert.match(readFileSync(files.report, "utf8"), /its runner ended without a word/);
});

test("a run that had carried out its verdict keeps it, and nothing is taken back", async (context) => {
  const stateDir = stateFolder(context);
  const record = keep(stateDir, 1, false);
  openJournal(stateDir, record, RULE).counts({
    second: 0,
    step: 0,
    requests: { stable: 0, baseline: 0, canary: 0 },
    metrics: {},
    violations: [{ invariant: "order-total", example: "order 1" }],
  });
  const asked: string[] = [];
  const over = await bringBackRun(stateDir, { ...record, phase: "conclude" }, "abort", mesh(asked));
  assert.deepEqual([asked, over.ended?.outcome], [[], "rolled back"]);
  assert.match(over.ended?.sentence ?? "", /^Rolled back after 1 s by order-total/);
});

test("one run that cannot be brought back keeps no other from it, and is left for the next time", async (context) => {
  const stateDir = stateFolder(context);
  for (const minute of [1, 2]) openJournal(stateDir, keep(stateDir, minute, false), RULE);
  rmSync(runFiles(stateDir, "errors-20261130-090100").counts);
  const said: string[] = [];
  await bringBackLeftovers(stateDir, mesh([]), (text) => said.push(text));
  assert.equal(said.length, 2);
  assert.match(said[0] ?? "", /^experiment errors-20261130-090100 could not be brought back: /);
  assert.match(said[1] ?? "", /^experiment errors-20261130-090200: the weights of before are back/);
  assert.deepEqual(
    leftRuns(stateDir).map(({ run }) => run),
    ["errors-20261130-090100"],
  );
});

function stateFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "row-runs-"));
  context.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function keep(stateDir: string, minute: number, isOver: boolean, runner = NOBODY): RunRecord {
  const time = new Date(Date.UTC(2026, 10, 30, 9, minute));
  const record: RunRecord = {
    format: RUN_FORMAT,
    run: newRun(stateDir, "errors", time),
    experiment: "errors",
    arms: { service: "catalog", stable: "v1", baseline: "v1-baseline", canary: "v2" },
    configuration: {
      service: "catalog",
      stable: { version: "v1" },
      canary: { version: "v2" },
      warmUpSeconds: 0,
      steps: RULE.steps,
      longestSeconds: 60,
      alpha: 0.05,
      beta: 0.05,
      gates: [],
    },
    stableBehaviours: [],
    startedTime: time.toISOString(),
    runner,
    phase: isOver ? "over" : "compare",
    before: [],
    ...(isOver && {
      ended: { time: time.toISOString(), outcome: "inconclusive", by: "runner", sentence: "It is over" } as const,
    }),
  };
  writeRecord(stateDir, record);
  return record;
}

/** A mesh in which both of a run's versions are. */
function mesh(asked: string[]): AskMesh {
  return async (verb, request) => {
    asked.push("version" in request ? `${verb} ${request.version}` : verb);
    const deployments = ["v1-baseline", "v2"].map((version) => ({ service: "catalog", version, replicas: 1 }));
    return { deployments } as never; // all that is read of any answer
  };
}
