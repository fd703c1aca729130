/** Looks at all that a shop on this machine needs, and at all that it is, whether it runs or not. */
import { join } from "node:path";
import { discoverServices, isMeshed, type ServiceManifest } from "@row/topology/service-manifest.ts";
import type { Installation } from "../installation.ts";
import type { ShopStatus } from "../shop/shop-status.ts";
import { Deployments } from "../sidecars/deployments.ts";
import { programsFor } from "../stores/programs.ts";
import { askMesh, askStatus, NotRunning } from "../supervisor/control-client.ts";
import { leftoversOf } from "../supervisor/run-record.ts";
import { checkCertificates } from "./certificates.ts";
import { checkConsumers } from "./consumers.ts";
import type { Finding } from "./finding.ts";
import { checkMachine } from "./machine.ts";
import { checkPorts } from "./ports.ts";
import { checkPrograms } from "./programs.ts";
import { checkInjected, checkProcesses, checkVersions } from "./running.ts";
import { checkState } from "./state.ts";

export async function checkUp(installation: Installation): Promise<Finding[]> {
  const { stateDir } = installation;
  const status = await askStatus(stateDir).catch((error: unknown) => {
    if (error instanceof NotRunning) return undefined;
    throw error;
  });
  const findings = [
    ...checkPrograms(programsFor(discoverServices(installation.root))),
    ...(await checkPorts(installation, status)),
    ...checkMachine(installation),
    ...checkState(stateDir),
    ...checkProcesses(status, leftoversOf(stateDir)),
  ];
  if (status?.state !== "ready" && status?.state !== "degraded") return findings;
  // A service of which nothing runs is one of the shop's all the same.
  const { services } = await askMesh(stateDir, "about", {});
  const names = new Set([...services, ...status.processes.map(({ name }) => name)]);
  const running = discoverServices(installation.root).filter(({ name }) => names.has(name));
  return [
    ...findings,
    ...(status.mesh ? checkMesh(stateDir, status, running.filter(isMeshed)) : []),
    ...(await checkConsumers(installation, running)),
  ];
}

function checkMesh(stateDir: string, status: ShopStatus, meshed: readonly ServiceManifest[]): Finding[] {
  const folder = join(stateDir, "mesh");
  const deployments = new Deployments(join(folder, "deployments.json")).of(meshed.map(({ name }) => name));
  const instances = status.processes.filter(({ sidecar }) => sidecar).map(({ instance }) => instance);
  return [
    ...checkCertificates(join(folder, "identity"), instances),
    ...checkVersions(deployments, status),
    ...checkInjected(status),
  ];
}
