/** `row experiment list`: the project's experiments, or the runs of them that are kept. */
import { existsSync } from "node:fs";
import { allRuns, isRunning } from "@row/laptop/experiments/runs.ts";
import type { Installation } from "@row/laptop/installation.ts";
import type { Experiment } from "@row/mesh/experiments/experiment.ts";
import { knownServices } from "@row/mesh/experiments/known-services.ts";
import { experimentsFolder, loadExperiments } from "@row/mesh/experiments/load.ts";
import type { RunRecord } from "@row/mesh/experiments/run/run-record.ts";
import { inOrder } from "@row/mesh/judge/arms.ts";
import { Command } from "commander";
import { table } from "../table.ts";

export function experimentListCommand(here: () => Installation): Command {
  return new Command("list")
    .description("list the experiments in mesh/experiments, or the runs that are kept")
    .option("--runs", "list runs, the latest first")
    .option("--json", "print JSON")
    .action(({ runs, ...options }: { runs?: boolean; json?: boolean }) =>
      runs ? listRuns(here().stateDir, options) : experimentList(here().root, options),
    );
}

function experimentList(root: string, { json }: { json?: boolean }): void {
  const folder = experimentsFolder(root);
  const experiments = existsSync(folder) ? loadExperiments([folder], { services: knownServices(root) }) : [];
  if (json) console.log(JSON.stringify(experiments.map(described), null, 2));
  else if (experiments.length === 0) console.log("There are no experiments: write one in mesh/experiments");
  else for (const line of table([HEADER, ...experiments.map(rowOf)])) console.log(line);
}

function listRuns(stateDir: string, { json }: { json?: boolean }): void {
  const runs = allRuns(stateDir).reverse();
  if (json) console.log(JSON.stringify(runs, null, 2));
  else if (runs.length === 0) console.log("No experiment has run here: start one with `npx row experiment run errors`");
  else for (const line of table([RUNS_HEADER, ...runs.map(runRowOf)])) console.log(line);
}

const RUNS_HEADER = ["RUN", "SERVICE", "CANARY", "STARTED", "OUTCOME"];

function runRowOf(record: RunRecord): string[] {
  const { run, arms, startedTime, ended } = record;
  const outcome = ended?.outcome ?? (isRunning(record) ? "under way" : "left by a runner that was killed");
  return [run, arms.service, arms.canary, startedTime, outcome];
}

const HEADER = ["NAME", "SERVICE", "STABLE", "CANARY", "IS", "LOAD", "WEIGHTS"];

function described({ metadata, spec }: Experiment) {
  return { name: metadata.name, ...spec };
}

function rowOf({ metadata, spec }: Experiment): string[] {
  const { service, stable, canary, load, steps } = spec;
  const code = canary.folder ?? canary.gitRef ?? canary.image;
  const is = [code, canary.behaviour].filter((part) => part !== undefined).join(", ") || "as stable";
  const weights = steps.map((step) => inOrder(step.weights));
  const sends = load ? `${load.mix} ${load.rate}/s` : "none";
  return [metadata.name, service, stable.version, canary.version, is, sends, weights.join(" ")];
}
