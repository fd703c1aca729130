/** `row deploy`, `row scale` and `row undeploy`: the versions of a service, and how many instances each has. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Installation } from "@row/laptop/installation.ts";
import { askMesh } from "@row/laptop/supervisor/control-client.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command } from "commander";

export function deployCommand(here: () => Installation): Command {
  return new Command("deploy")
    .description("run another version of a service beside those that run; it gets no calls until a split gives it some")
    .argument("<service>", "such as catalog")
    .requiredOption("--version <name>", "how to call it, such as v2")
    .option("--replicas <count>", "how many instances of it to run", "1")
    .option("--from <folder|reference>", "run the code of another checkout, or of a git branch, tag or commit")
    .option("--behaviour <behaviour...>", "have it misbehave from its start: see `npx row behave --catalogue`")
    .action((service: string, options: DeployFlags) => deploy(here(), service, options));
}

export function scaleCommand(here: () => Installation): Command {
  return new Command("scale")
    .description("run more or fewer instances of a version; those that end are drained first")
    .argument("<service>", "such as catalog")
    .requiredOption("--replicas <count>", "how many instances of it to run")
    .option("--version <name>", "which version, where there are several")
    .action((service: string, options: DeployFlags) => scale(here(), service, options));
}

export function undeployCommand(here: () => Installation): Command {
  return new Command("undeploy")
    .description("give a version's calls to the others, drain it and end it")
    .argument("<service>", "such as catalog")
    .requiredOption("--version <name>", "such as v2")
    .action((service: string, options: DeployFlags) => undeploy(here(), service, options));
}

export interface DeployFlags {
  version?: string;
  replicas?: string;
  from?: string;
  behaviour?: string[];
}

/** Runs another version beside those that run. It gets no calls until a split gives it some. */
export async function deploy({ stateDir }: Installation, service: string, flags: DeployFlags): Promise<void> {
  const { version = "", from, behaviour: behaviours } = flags;
  const isFolder = from !== undefined && statSync(from, { throwIfNoEntry: false })?.isDirectory();
  const { instances } = await askMesh(stateDir, "deploy", {
    service,
    version,
    replicas: count(flags.replicas ?? "1"),
    ...(from === undefined ? {} : { from: isFolder ? resolve(from) : from }),
    ...(behaviours && { behaviours }),
  });
  console.log(`${service} ${version} runs: ${instances.join(", ") || "no instance yet"}`);
  if (behaviours) console.log(`Injected on purpose: ${behaviours.join(" ")}`);
  console.log(`It gets no calls yet: send it some with \`npx row split ${service} v1=90 ${version}=10\``);
}

/** Runs more or fewer instances of a version. */
export async function scale({ stateDir }: Installation, service: string, flags: DeployFlags): Promise<void> {
  const replicas = count(flags.replicas ?? "");
  const request = { service, version: flags.version, replicas };
  const { version, instances, warning } = await askMesh(stateDir, "scale", request);
  console.log(`${service} ${version} runs ${instances.length === 0 ? "nowhere" : `as ${instances.join(", ")}`}`);
  if (warning) console.warn(warning);
}

/** Ends a version: it is drained first, so that no call fails. */
export async function undeploy({ stateDir }: Installation, service: string, flags: DeployFlags): Promise<void> {
  const { version = "" } = flags;
  const { instances } = await askMesh(stateDir, "undeploy", { service, version });
  console.log(`${service} ${version} is gone: drained and stopped ${instances.join(", ") || "nothing, none ran"}`);
}

const MOST = 20;

function count(value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number <= MOST) return number;
  throw new RowError(`Cannot run ${value} instances: give a whole number from 0 to ${MOST}`);
}
