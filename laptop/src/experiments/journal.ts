/** What a run does and finds, on disk: run.json before each change, counts.jsonl second by second, result.json and report.html at the end. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { countsHead, countsLine, type RecordedRun, readCounts } from "@row/mesh/experiments/counts-file.ts";
import { reportOf } from "@row/mesh/experiments/report/report.ts";
import type { RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import type { Journal } from "@row/mesh/experiments/run/stage.ts";
import { judgeRun, type RunResult } from "@row/mesh/experiments/run-result.ts";
import { NO_REQUESTS } from "@row/mesh/judge/arms.ts";
import type { JudgeRule } from "@row/mesh/judge/rule.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { replaceFile } from "@row/topology/replace-file.ts";
import { type RunFiles, runFiles, writeRecord } from "./runs.ts";

/** @param rule what the judge is told, in the head of the counts */
export function openJournal(stateDir: string, { run, experiment }: RunRecord, rule: JudgeRule): Journal {
  const files = runFiles(stateDir, run);
  if (!existsSync(files.counts)) writeFileSync(files.counts, countsHead({ experiment, rule }), { mode: 0o600 });
  return {
    begin: (next) => {
      writeRecord(stateDir, next);
      crashPoint(`experiment.before-${next.phase}`);
    },
    done: (phase) => crashPoint(`experiment.after-${phase}`),
    counts: (counts) => appendFileSync(files.counts, countsLine(counts)),
    conclude: () => {
      conclude(files);
    },
  };
}

/** The result follows from the counts, and the report from both. */
export function conclude(files: RunFiles): RunResult {
  const run = recorded(files);
  const { result } = judgeRun(run);
  replaceFile(files.result, `${JSON.stringify(result, null, 2)}\n`);
  replaceFile(files.report, reportOf(run));
  return result;
}

/** What was counted, without what a runner that was killed left of its last line. */
export function recorded({ counts }: RunFiles): RecordedRun {
  return readCounts(readFileSync(counts, "utf8"), counts);
}

/** Ends counts that have no verdict; nothing can be added after half a line. */
export function endCounts(files: RunFiles, why: string): void {
  const run = recorded(files);
  if (judgeRun(run).result.verdict) return;
  const last = run.seconds.at(-1);
  const end = { second: (last?.second ?? -1) + 1, step: last?.step ?? 0, requests: NO_REQUESTS, metrics: {} };
  const lines = [...run.seconds, { ...end, ended: { reason: "aborted", why } as const }].map(countsLine);
  replaceFile(files.counts, countsHead(run) + lines.join(""));
}
