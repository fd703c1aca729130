/** `row experiment show`: what came of a run, and where its files lie. */
import { existsSync } from "node:fs";
import { findRun, type RunFiles, readResult, runFiles } from "@row/laptop/experiments/runs.ts";
import type { Installation } from "@row/laptop/installation.ts";
import { doing } from "@row/mesh/experiments/run/phase.ts";
import type { RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import type { RunResult } from "@row/mesh/experiments/run-result.ts";
import { Command } from "commander";
import { resultText } from "../result-lines.ts";

export function experimentShowCommand(here: () => Installation): Command {
  return new Command("show")
    .description("show what came of a run, and where its files lie")
    .argument("[run]", "a run, or an experiment whose latest one is meant; the latest of all if none")
    .option("--json", "print JSON")
    .action((name: string | undefined, options: { json?: boolean }) => experimentShow(here(), name, options));
}

function experimentShow({ stateDir }: Installation, name: string | undefined, { json }: { json?: boolean }): void {
  const record = findRun(stateDir, name);
  const files = runFiles(stateDir, record.run);
  const result = existsSync(files.result) ? readResult(files.result) : undefined;
  if (json) console.log(JSON.stringify({ record, ...(result && { result }), files }, null, 2));
  else print(record, result, files);
}

function print(record: RunRecord, result: RunResult | undefined, files: RunFiles): void {
  console.log(`${record.run}: ${stateOf(record)}\n`);
  if (result) console.log(`${resultText(result)}\n`);
  for (const [what, file] of [
    ["Report", files.report],
    ["Result", files.result],
    ["Counts", files.counts],
    ["Record", files.record],
  ] as const) {
    if (existsSync(file)) console.log(`${what}   ${file}`);
  }
}

function stateOf({ arms, phase, ended, startedTime }: RunRecord): string {
  const about = `${arms.service} ${arms.canary} against ${arms.baseline}, begun ${startedTime}`;
  if (!ended) return `${about}; not over: it ${doing(phase)}. See \`npx row experiment status\``;
  const by = ended.by === "runner" ? "" : ` by ${ended.by === "abort" ? "an abort" : "the start of the shop"}`;
  return `${about}, ${ended.outcome}${by} ${ended.time}`;
}
