/** Whether every port that a shop takes is free, or this shop's already. */
import { discoverServices, isMeshed } from "@row/topology/service-manifest.ts";
import type { Installation } from "../installation.ts";
import type { ShopStatus } from "../shop/shop-status.ts";
import { namedMeshPorts } from "../sidecars/mesh-ports.ts";
import { listenersOf, portOwner } from "../stores/port-owner.ts";
import { canListen, namedStorePorts, servicePorts } from "../stores/ports.ts";
import { withDescendants } from "../supervisor/process-tree.ts";
import { leftoversOf } from "../supervisor/run-record.ts";
import { bad, type Finding, good } from "./finding.ts";

/** @param status of the shop that runs there, if one does */
export async function checkPorts(installation: Installation, status: ShopStatus | undefined): Promise<Finding[]> {
  const services = discoverServices(installation.root);
  const ports = new Map([
    ...namedStorePorts(installation, services),
    ...servicePorts(installation, services),
    ...(status?.mesh === false ? [] : namedMeshPorts(installation, services.filter(isMeshed))),
  ]);
  const taken = await takenOf([...ports.keys()]);
  const ours = new Set(ownPids(installation, status).flatMap(withDescendants));
  const isOurs = (port: number) => listenersOf(port).some((pid) => ours.has(pid));
  const foreign = taken.filter((port) => !isOurs(port));
  if (foreign.length === 0) {
    const own = taken.length === 0 ? "free" : `free or this shop's (${taken.length})`;
    return [good("ports", `all ${ports.size} are ${own}`)];
  }
  return foreign.map((port) =>
    bad(
      "ports",
      `${port} (${ports.get(port)}) is taken by ${portOwner(port)}`,
      "stop that, or choose other ports with ROW_PORT_BASE",
    ),
  );
}

async function takenOf(ports: readonly number[]): Promise<number[]> {
  const answers = await Promise.all(ports.map(async (port) => ({ port, isFree: await canListen(port) })));
  return answers.filter(({ isFree }) => !isFree).map(({ port }) => port);
}

/** The supervisor's and, should it have ended, those that it has left. */
function ownPids({ stateDir }: Installation, status: ShopStatus | undefined): number[] {
  return [...(status?.pid === undefined ? [] : [status.pid]), ...leftoversOf(stateDir).map(({ pid }) => pid)];
}
