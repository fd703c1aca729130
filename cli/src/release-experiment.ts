/** The experiment of a release by canary: the steps and gates that the ready experiments have, about the code that is released. */
import type { Installation } from "@row/laptop/installation.ts";
import type { ReleaseRecord } from "@row/laptop/releases/release-record.ts";
import { EXPERIMENT_API, EXPERIMENT_KIND, type Experiment } from "@row/mesh/experiments/experiment.ts";
import { knownServices } from "@row/mesh/experiments/known-services.ts";
import { readExperiments } from "@row/mesh/experiments/read.ts";
import { InvalidResources } from "@row/mesh/resources/problem.ts";
import { stringify } from "yaml";

/** Those that are asked for each order have more to do than the one that is looked at. */
const LOOKED_AT = "catalog";
const READS = {
  load: { mix: "read", rate: 200 },
  steps: [
    { weights: { stable: 80, baseline: 10, canary: 10 }, minTime: "20s", minRequests: 200 },
    { weights: { stable: 0, baseline: 50, canary: 50 }, minTime: "30s", minRequests: 1_000 },
  ],
  longestTime: "4m",
};
const ORDERS = {
  load: { mix: "order", rate: 40 },
  steps: [
    { weights: { stable: 50, baseline: 25, canary: 25 }, minTime: "20s", minRequests: 100 },
    { weights: { stable: 0, baseline: 50, canary: 50 }, minTime: "30s", minRequests: 300 },
  ],
  longestTime: "10m",
};

/** @param code a folder or a git reference; the shop's own code when absent */
export function releaseExperiment(
  { root }: Installation,
  { service, version, before }: ReleaseRecord,
  code: { readonly folder?: string; readonly gitRef?: string },
): Experiment {
  const text = stringify({
    apiVersion: EXPERIMENT_API,
    kind: EXPERIMENT_KIND,
    metadata: { name: `release-${service}` },
    spec: {
      service,
      stable: { version: before.version },
      canary: { version, ...code },
      ...(service === LOOKED_AT ? READS : ORDERS),
    },
  });
  const { experiments, problems } = readExperiments(text, `release of ${service}`, { services: knownServices(root) });
  const [experiment] = experiments;
  if (!experiment) throw new InvalidResources(problems);
  return experiment;
}
