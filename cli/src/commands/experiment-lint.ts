/** `row experiment lint`: what is wrong with experiment files, before anything is touched. */
import { existsSync } from "node:fs";
import { relative } from "node:path";
import type { Installation } from "@row/laptop/installation.ts";
import { knownServices } from "@row/mesh/experiments/known-services.ts";
import { experimentsFolder, loadExperiments } from "@row/mesh/experiments/load.ts";
import { describe, InvalidResources } from "@row/mesh/resources/problem.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { collect } from "../collect.ts";

interface LintFlags {
  /** "failures=0.2%" */
  readonly measured: string[];
  readonly json?: boolean;
}

export function experimentLintCommand(here: () => Installation): Command {
  return new Command("lint")
    .description(
      "check experiment files: names, weights, gates, and whether the traffic can lead to a verdict in the time",
    )
    .argument("[files...]", "files and folders; mesh/experiments if none")
    .option(
      "--measured <metric=share>",
      "what stable was measured to have, such as failures=0.2%; may be repeated",
      collect,
      [],
    )
    .option("--json", "print JSON")
    .action((files: string[], options: LintFlags) => experimentLint(here().root, files, options));
}

function experimentLint(root: string, files: readonly string[], { measured, json }: LintFlags): void {
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) throw new RowError(`Cannot read ${missing}: there is no such file or folder`);
  const own = experimentsFolder(root);
  if (files.length === 0 && !existsSync(own))
    throw new RowError("Cannot lint: there is no mesh/experiments; name a file");
  const surroundings = { services: knownServices(root), measured: Object.fromEntries(measured.map(rateOf)) };
  try {
    const read = loadExperiments(files.length > 0 ? files : [relative(process.cwd(), own) || "."], surroundings);
    console.log(json ? "[]" : `${read.length === 1 ? "1 experiment is" : `${read.length} experiments are`} fine`);
  } catch (error) {
    if (!(error instanceof InvalidResources)) throw error;
    console.log(json ? JSON.stringify(error.problems, null, 2) : error.problems.map(describe).join("\n"));
    process.exitCode = 1;
  }
}

function rateOf(text: string): [metric: string, share: number] {
  const [, metric = "", percent = ""] = /^([a-z][a-z0-9.-]*)=(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (metric === "") throw new RowError(`Cannot read "${text}": write metric=share, such as failures=0.2%`);
  return [metric, Number(percent) / 100];
}
