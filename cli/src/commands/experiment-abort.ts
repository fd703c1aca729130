/** `row experiment abort`: ends an experiment that is under way, or brings back what a runner that was killed has left. */
import { setTimeout as sleep } from "node:timers/promises";
import { bringBackRun } from "@row/laptop/experiments/leftovers.ts";
import { findRun, isRunning, openRuns } from "@row/laptop/experiments/runs.ts";
import type { Installation } from "@row/laptop/installation.ts";
import { askOf } from "@row/laptop/sidecars/ask-change.ts";
import { NotRunning } from "@row/laptop/supervisor/control-client.ts";
import { supervisorOf } from "@row/laptop/supervisor/lock.ts";
import type { RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";

/** A version that is just being deployed is waited for first, and calls under way are. */
const PATIENCE_MS = 180_000;
const POLL_MS = 100;

export function experimentAbortCommand(here: () => Installation): Command {
  return new Command("abort")
    .description(
      "end an experiment: the weights of before come back, and its versions go; also after a runner was killed",
    )
    .argument("[run]", "which, where there are several")
    .action((run: string | undefined) => experimentAbort(here(), run));
}

async function experimentAbort({ stateDir }: Installation, name: string | undefined): Promise<void> {
  const record = chosen(stateDir, name);
  const over = isRunning(record) ? await ended(stateDir, record) : await broughtBack(stateDir, record);
  const { service } = over.arms;
  console.log(`${over.run}: ${over.ended?.outcome}. ${over.ended?.sentence}`);
  console.log(
    `See how calls are shared with \`npx row split ${service}\`, and its result with \`npx row experiment show ${over.run}\``,
  );
}

function chosen(stateDir: string, name: string | undefined): RunRecord {
  const open = openRuns(stateDir);
  if (name === undefined) {
    const [only, another] = open;
    if (!only) throw new RowError("Cannot abort: no experiment is under way, and none has left anything");
    if (!another) return only;
    throw new RowError(`Cannot abort: name one of ${open.map(({ run }) => run).join(", ")}`);
  }
  const found = open.find(({ run, experiment }) => run === name || experiment === name);
  if (found) return found;
  const { run, ended } = findRun(stateDir, name);
  throw new RowError(`Cannot abort ${run}: it is over, ${ended?.outcome}`);
}

/** Tells the runner, which does the rest. */
async function ended(stateDir: string, { run, runner }: RunRecord): Promise<RunRecord> {
  process.kill(runner.pid, "SIGTERM");
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const now = findRun(stateDir, run);
    if (now.ended) return now;
    if (!isRunning(now)) return broughtBack(stateDir, now);
    if (performance.now() > end)
      throw new RowError(
        `${run} is not over after ${PATIENCE_MS / 1_000} s: kill its runner (pid ${runner.pid}) and abort it again`,
      );
    await sleep(POLL_MS);
  }
}

function broughtBack(stateDir: string, record: RunRecord): Promise<RunRecord> {
  if (!supervisorOf(stateDir)) throw new NotRunning(stateDir);
  return bringBackRun(stateDir, record, "abort", askOf(stateDir));
}
