/** `row experiment render`: an experiment as manifests for a tool of others. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Installation } from "@row/laptop/installation.ts";
import { renderArgoRollouts } from "@row/mesh/experiments/argo/render.ts";
import { knownServices } from "@row/mesh/experiments/known-services.ts";
import { type Manifest, readManifests } from "@row/mesh/resources/manifest.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";
import { namedExperiment } from "../named-experiment.ts";

interface RenderFlags {
  readonly to: string;
  readonly canary?: boolean;
}

const TOOL = "argo-rollouts";

export function experimentRenderCommand(here: () => Installation): Command {
  return new Command("render")
    .description("print what another tool can do of an experiment, and in comments what it cannot")
    .argument("<experiment>", "a name in mesh/experiments, or a file")
    .requiredOption("--to <tool>", `which tool: ${TOOL} (1.9, with its Gateway API plugin 0.15)`)
    .option("--canary", "only what begins the canary, once the rest is applied and healthy")
    .action((name: string, flags: RenderFlags) => experimentRender(here().root, name, flags));
}

function experimentRender(root: string, name: string, { to, canary }: RenderFlags): void {
  if (to !== TOOL) throw new RowError(`Cannot render for --to ${to}: there is ${TOOL}`);
  const services = knownServices(root);
  const experiment = namedExperiment(root, name, services, "render");
  const { service, stable } = experiment.spec;
  const known = services.find((one) => one.name === service);
  if (!known) throw new RowError(`Cannot render ${name}: there is no service ${service}`);
  const version = `${service}-${stable.version}`;
  const written = {
    deployment: one(root, "k8s/rendered/core", service, (each) => isNamed(each, "Deployment", version)),
    service: one(root, "mesh/services", service, (each) => isNamed(each, "Service", version)),
    routes: manifests(root, "mesh/routes", service).filter(({ kind }) => kind === "GRPCRoute"),
  };
  console.log(renderArgoRollouts(experiment, known, written, canary ?? false).trimEnd());
}

function one(root: string, folder: string, service: string, isIt: (manifest: Manifest) => boolean): Manifest {
  const found = manifests(root, folder, service).find(isIt);
  if (!found) throw new RowError(`Cannot render it: ${folder}/${service}.yaml does not have stable's version`);
  return found;
}

function manifests(root: string, folder: string, service: string): readonly Manifest[] {
  const file = join(root, folder, `${service}.yaml`);
  if (!existsSync(file)) throw new RowError(`Cannot render it: there is no ${folder}/${service}.yaml`);
  return readManifests(readFileSync(file, "utf8"), file).manifests;
}

function isNamed({ kind, value }: Manifest, wanted: string, name: string): boolean {
  const { metadata } = value;
  return (
    kind === wanted && typeof metadata === "object" && metadata !== null && "name" in metadata && metadata.name === name
  );
}
