/** Experiment files: of a list of paths, or of the project. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InvalidResources, type Problem } from "../resources/problem.ts";
import { yamlFiles } from "../resources/read.ts";
import type { Experiment } from "./experiment.ts";
import { readExperiments, type Surroundings } from "./read.ts";

/** Where the project's own experiments lie. */
export function experimentsFolder(root: string): string {
  return join(root, "mesh/experiments");
}

/** Reads files and folders. Throws InvalidResources with everything that is wrong in them, also a name that is given twice. */
export function loadExperiments(paths: readonly string[], surroundings: Surroundings): Experiment[] {
  const results = paths
    .flatMap((path) => yamlFiles(path))
    .map((file) => readExperiments(readFileSync(file, "utf8"), file, surroundings));
  const experiments = results.flatMap((result) => result.experiments);
  const problems = [...results.flatMap((result) => result.problems), ...namedTwice(experiments)];
  if (problems.length > 0) throw new InvalidResources(problems);
  return experiments;
}

function namedTwice(experiments: readonly Experiment[]): Problem[] {
  return experiments.flatMap(({ metadata, source }, index) => {
    const other = experiments.slice(0, index).find((one) => one.metadata.name === metadata.name);
    if (!other) return [];
    const message = `Cannot use Experiment ${metadata.name}: it is also written in ${other.source.file}:${other.source.line}; rename one`;
    return [{ ...source, message }];
  });
}
