/** YAML → experiments, with everything that is wrong in them by field and line. */
import { Fields } from "../resources/fields.ts";
import { readMetadata } from "../resources/kinds/metadata.ts";
import { isRecord, type Manifest, readManifests } from "../resources/manifest.ts";
import type { Problem } from "../resources/problem.ts";
import { EXPERIMENT_API, EXPERIMENT_KIND, type Experiment, type Load, MIXES } from "./experiment.ts";
import { type MeasuredRates, shortageOf } from "./feasibility.ts";
import { judgeRuleOf } from "./judge-rule.ts";
import type { KnownService } from "./metrics.ts";
import { readCanary, readVersion } from "./read-canary.ts";
import { readGates } from "./read-gates.ts";
import { readSteps } from "./read-steps.ts";
import { readSeconds, readShare } from "./values.ts";

/** What an experiment is held against. */
export interface Surroundings {
  readonly services: readonly KnownService[];
  /** What was measured of stable, when it was. */
  readonly measured?: MeasuredRates;
}

/** Reads every document of a text. An experiment with a problem is left out of the experiments. */
export function readExperiments(
  text: string,
  file: string,
  surroundings: Surroundings,
): { experiments: Experiment[]; problems: Problem[] } {
  const { manifests, problems: unreadable } = readManifests(text, file);
  const results = manifests.map((manifest) => readExperiment(manifest, surroundings));
  return {
    experiments: results.flatMap(({ experiment, problems }) => (problems.length === 0 ? [experiment] : [])),
    problems: [...unreadable, ...results.flatMap(({ problems }) => problems)],
  };
}

function readExperiment(manifest: Manifest, { services, measured = {} }: Surroundings) {
  const { apiVersion, kind, value, file, line } = manifest;
  const name = isRecord(value.metadata) ? value.metadata.name : undefined;
  const fields = Fields.ofManifest(manifest, `${EXPERIMENT_KIND} ${name ?? "(no name)"}`);
  fields.ignore("apiVersion", "kind");
  if (apiVersion !== EXPERIMENT_API) fields.problem("apiVersion", `it is ${apiVersion}`, `write ${EXPERIMENT_API}`);
  if (kind !== EXPERIMENT_KIND) fields.problem("kind", `it is ${kind}`, `write ${EXPERIMENT_KIND}`);
  const metadata = readMetadata(fields.object("metadata"));
  const spec = fields.object("spec");
  const service = readService(spec, services);
  const experiment: Experiment = {
    metadata,
    source: { file, line },
    spec: {
      service: service?.name ?? "",
      stable: { version: readVersion(spec.optionalObject("stable"), "v1") },
      canary: readCanary(spec.object("canary"), service),
      warmUpSeconds: readSeconds(spec, "warmUp", { from: 0, to: 600, fallback: 10 }),
      steps: readSteps(spec),
      ...readLoad(spec),
      longestSeconds: readSeconds(spec, "longestTime", { from: 1, to: 24 * 3_600, fallback: 300 }),
      alpha: readShare(spec, "alpha", { from: 0.0001, to: 0.5, fallback: 0.05 }),
      beta: readShare(spec, "beta", { from: 0.0001, to: 0.5, fallback: 0.05 }),
      gates: readGates(spec, service, measured),
    },
  };
  refuseSameVersion(spec, experiment);
  const problems = fields.finish();
  if (problems.length > 0 || !service) return { experiment, problems };
  refuseShortOfTime(spec, experiment, service, measured);
  return { experiment, problems: fields.finish() };
}

function readService(spec: Fields, services: readonly KnownService[]): KnownService | undefined {
  const text = spec.text("service", { wanted: "the name of a service" });
  const found = services.find(({ name }) => name === text);
  const known = services.map(({ name }) => name).join(", ");
  if (!found && text !== "") spec.problem("service", `there is no service "${text}"`, `write one of ${known}`);
  return found;
}

function refuseSameVersion(spec: Fields, { spec: { stable, canary } }: Experiment): void {
  if (stable.version !== canary.version) return;
  spec.problem(
    ["canary", "version"],
    `it is stable's, ${stable.version}`,
    "write another: routes tell them apart by it",
  );
}

function readLoad(spec: Fields): { load?: Load } {
  const load = spec.optionalObject("load");
  if (!load) return {};
  const mix = load.oneOf("mix", MIXES);
  const rate = load.integer("rate", { from: 1, to: 100_000, wanted: "requests a second, such as 200" });
  return { load: { mix, rate } };
}

/** A harm that the traffic cannot show in the time would always be inconclusive. */
function refuseShortOfTime(spec: Fields, experiment: Experiment, service: KnownService, measured: MeasuredRates): void {
  const { load } = experiment.spec;
  if (!load) return;
  const rule = judgeRuleOf(experiment, service);
  for (const gate of rule.gates) {
    const shortage = shortageOf(gate, rule, load, measured);
    if (shortage) spec.problem("longestTime", shortage.state, shortage.advice);
  }
}
