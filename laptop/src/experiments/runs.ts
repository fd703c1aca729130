/** The runs of experiments that are kept in the state folder, each in a folder of its own. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { RUN_FORMAT, type RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import type { RunResult } from "@row/mesh/experiments/run-result.ts";
import { replaceFile } from "@row/topology/replace-file.ts";
import { codeOf, messageOf, RowError } from "@row/topology/row-error.ts";
import { isAlive } from "../supervisor/process-identity.ts";

/** Of runs that are over; the oldest go. */
const MOST_KEPT = 50;

export interface RunFiles {
  readonly folder: string;
  readonly record: string;
  readonly counts: string;
  readonly result: string;
  readonly report: string;
}

export function runsFolder(stateDir: string): string {
  return join(stateDir, "experiments");
}

export function runFiles(stateDir: string, run: string): RunFiles {
  const folder = join(runsFolder(stateDir), run);
  const file = (name: string) => join(folder, name);
  return {
    folder,
    record: file("run.json"),
    counts: file("counts.jsonl"),
    result: file("result.json"),
    report: file("report.html"),
  };
}

/** All that are kept, the oldest first. */
export function allRuns(stateDir: string): RunRecord[] {
  return folders(stateDir)
    .flatMap((name) => readRecord(runFiles(stateDir, name).record))
    .sort((a, b) => (a.startedTime < b.startedTime ? -1 : 1));
}

function folders(stateDir: string): string[] {
  const folder = runsFolder(stateDir);
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** The folders of those that are over, the oldest first; before them those whose runner died before it had written anything. */
function overRuns(stateDir: string): string[] {
  const all = allRuns(stateDir);
  const empty = folders(stateDir).filter((name) => !all.some(({ run }) => run === name));
  return [...empty, ...all.filter(({ ended }) => ended !== undefined).map(({ run }) => run)];
}

/** A run by its name, or the latest of an experiment; the latest of all where none is named. */
export function findRun(stateDir: string, name?: string): RunRecord {
  const all = allRuns(stateDir);
  const found = all.findLast(({ run, experiment }) => name === undefined || run === name || experiment === name);
  if (found) return found;
  if (all.length === 0)
    throw new RowError("No experiment has run here: start one with `npx row experiment run errors`");
  throw new RowError(`There is no run "${name}": \`npx row experiment list --runs\` names those that are kept`);
}

/** Those that are not over, whether or not somebody still runs them. */
export function openRuns(stateDir: string): RunRecord[] {
  return allRuns(stateDir).filter(({ ended }) => ended === undefined);
}

/** What a runner that is gone left half done. */
export function leftRuns(stateDir: string): RunRecord[] {
  return openRuns(stateDir).filter((record) => !isRunning(record));
}

/** Whether the process that runs it goes on. */
export function isRunning({ ended, runner }: RunRecord): boolean {
  return ended === undefined && isAlive(runner);
}

/** A folder of its own for a run that begins, and room for it. */
export function newRun(stateDir: string, experiment: string, time: Date): string {
  mkdirSync(runsFolder(stateDir), { recursive: true, mode: 0o700 });
  const over = overRuns(stateDir);
  for (const run of over.slice(0, Math.max(0, over.length - MOST_KEPT + 1))) {
    rmSync(runFiles(stateDir, run).folder, { recursive: true, force: true });
  }
  const digits = time.toISOString().replaceAll(/[-:]|\..*/g, "");
  const name = `${experiment}-${digits.replace("T", "-")}`;
  for (let copy = 1; ; copy += 1) {
    const run = copy === 1 ? name : `${name}-${copy}`;
    try {
      mkdirSync(runFiles(stateDir, run).folder, { mode: 0o700 });
      return run;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
  }
}

export function writeRecord(stateDir: string, record: RunRecord): void {
  const file = runFiles(stateDir, record.run).record;
  replaceFile(file, `${JSON.stringify(record, null, 2)}\n`);
}

/** What came of a run, as it was written when it ended. */
export function readResult(file: string): RunResult {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new RowError(`Cannot read ${file}: ${messageOf(error)}`);
  }
}

/** None where the runner died before it had written one: then it had changed nothing. */
function readRecord(file: string): RunRecord[] {
  try {
    const record = JSON.parse(readFileSync(file, "utf8")) as RunRecord; // written by writeRecord, in this format
    return record.format === RUN_FORMAT ? [record] : [];
  } catch {
    return [];
  }
}
