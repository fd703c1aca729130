import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Installation } from "@row/laptop/installation.ts";
import { askMesh } from "@row/laptop/supervisor/control-client.ts";
import { RowError } from "@row/topology/row-error.ts";

export interface DeployFlags {
  version?: string;
  replicas?: string;
  from?: string;
}

/** Runs another version beside those that run. It gets no calls until a split gives it some. */
export async function deploy({ stateDir }: Installation, service: string, flags: DeployFlags): Promise<void> {
  const { version = "", from } = flags;
  const isFolder = from !== undefined && statSync(from, { throwIfNoEntry: false })?.isDirectory();
  const { instances } = await askMesh(stateDir, "deploy", {
    service,
    version,
    replicas: count(flags.replicas ?? "1"),
    ...(from === undefined ? {} : { from: isFolder ? resolve(from) : from }),
  });
  console.log(`${service} ${version} runs: ${instances.join(", ") || "no instance yet"}`);
  console.log(`It gets no calls yet: send it some with \`row split ${service} v1=90 ${version}=10\``);
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
