/** An experiment that somebody names: one of the project's, or of a file. */
import { existsSync } from "node:fs";
import type { Experiment } from "@row/mesh/experiments/experiment.ts";
import { experimentsFolder, loadExperiments } from "@row/mesh/experiments/load.ts";
import type { KnownService } from "@row/mesh/experiments/metrics.ts";
import { RowError } from "@row/topology/row-error.ts";

/** By its name in mesh/experiments, or the one of a file. Throws RowError with everything that is wrong in it. @param verb "run" */
export function namedExperiment(
  root: string,
  name: string,
  services: readonly KnownService[],
  verb: string,
): Experiment {
  const isFile = existsSync(name);
  const experiments = loadExperiments([isFile ? name : experimentsFolder(root)], { services });
  const found = isFile ? experiments : experiments.filter(({ metadata }) => metadata.name === name);
  const [experiment, another] = found;
  if (!experiment) {
    const names = experiments.map(({ metadata }) => metadata.name).join(", ");
    throw new RowError(`Cannot ${verb} ${name}: there is no such experiment; there are ${names}`);
  }
  if (another) throw new RowError(`Cannot ${verb} ${name}: it holds several experiments; name one of them`);
  return experiment;
}
