/** `row experiment list`: the project's experiments. */
import { existsSync } from "node:fs";
import type { Installation } from "@row/laptop/installation.ts";
import type { Experiment } from "@row/mesh/experiments/experiment.ts";
import { knownServices } from "@row/mesh/experiments/known-services.ts";
import { experimentsFolder, loadExperiments } from "@row/mesh/experiments/load.ts";
import { Command } from "commander";
import { table } from "../table.ts";

export function experimentListCommand(here: () => Installation): Command {
  return new Command("list")
    .description("list the experiments in mesh/experiments")
    .option("--json", "print JSON")
    .action((options: { json?: boolean }) => experimentList(here().root, options));
}

function experimentList(root: string, { json }: { json?: boolean }): void {
  const folder = experimentsFolder(root);
  const experiments = existsSync(folder) ? loadExperiments([folder], { services: knownServices(root) }) : [];
  if (json) console.log(JSON.stringify(experiments.map(described), null, 2));
  else if (experiments.length === 0) console.log("There are no experiments: write one in mesh/experiments");
  else for (const line of table([HEADER, ...experiments.map(rowOf)])) console.log(line);
}

const HEADER = ["NAME", "SERVICE", "STABLE", "CANARY", "IS", "LOAD", "WEIGHTS"];

function described({ metadata, spec }: Experiment) {
  return { name: metadata.name, ...spec };
}

function rowOf({ metadata, spec }: Experiment): string[] {
  const { service, stable, canary, load, steps } = spec;
  const code = canary.folder ?? canary.gitRef ?? canary.image;
  const is = [code, canary.behaviour].filter((part) => part !== undefined).join(", ") || "as stable";
  const weights = steps.map((step) => `${step.weights.stable}/${step.weights.baseline}/${step.weights.canary}`);
  const sends = load ? `${load.mix} ${load.rate}/s` : "none";
  return [metadata.name, service, stable.version, canary.version, is, sends, weights.join(" ")];
}
