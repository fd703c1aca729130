/** `row experiment judge`: the verdict of a run's counts, computed again. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readResult } from "@row/laptop/experiments/runs.ts";
import { readCounts } from "@row/mesh/experiments/counts-file.ts";
import { reportOf } from "@row/mesh/experiments/report/report.ts";
import { differences, judgeRun } from "@row/mesh/experiments/run-result.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { resultText } from "../result-lines.ts";

export function experimentJudgeCommand(): Command {
  return new Command("judge")
    .description(
      "compute a run's verdict again from its counts; exit status 1 when the result beside them says something else",
    )
    .argument("<path>", "a run's folder, or its counts.jsonl")
    .option("--json", "print the result as JSON")
    .option("--report <file>", "also write a report with the curves: one HTML file that needs nothing else")
    .action(experimentJudge);
}

function experimentJudge(path: string, { json, report }: { json?: boolean; report?: string }): void {
  if (!existsSync(path)) throw new RowError(`Cannot read ${path}: there is no such file or folder`);
  const file = statSync(path).isDirectory() ? join(path, "counts.jsonl") : path;
  if (!existsSync(file)) throw new RowError(`Cannot judge ${path}: there is no counts.jsonl in it`);
  const run = readCounts(readFileSync(file, "utf8"), file);
  const { result } = judgeRun(run);
  if (report !== undefined) writeReport(report, reportOf(run));
  console.log(json ? JSON.stringify(result, null, 2) : resultText(result));
  const kept = join(dirname(file), "result.json");
  if (!existsSync(kept)) return;
  const different = differences(readResult(kept), result);
  if (!json && different.length === 0) console.log(`\n${kept} says the same`);
  if (different.length === 0) return;
  console.error(`${kept} says something else: ${different.join("; ")}`);
  process.exitCode = 1;
}

function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new RowError(`Cannot write ${file}: ${messageOf(error)}`);
  }
}
