/** The ports of a new service: those after the last service's. */
import { RowError } from "@row/topology/row-error.ts";
import { isCallable, portsOf, type ServiceManifest } from "@row/topology/service-manifest.ts";

/** Where services answer; their sidecars and what scrapes them count from there. */
const FIRST = 5051;
const LAST = 5099;
const ADMIN_OFFSET = 1_000;

export interface ServicePorts {
  readonly port: number;
  readonly adminPort: number;
}

/** The next pair of ports that no service declares; one that was left out when there is none after the last. */
export function freePorts(services: readonly ServiceManifest[]): ServicePorts {
  const taken = new Set(services.flatMap((service) => Object.values(portsOf(service))));
  const isFree = (port: number) => !taken.has(port) && !taken.has(port + ADMIN_OFFSET);
  const last = Math.max(FIRST - 1, ...services.filter(isCallable).map(({ port }) => port));
  const all = Array.from({ length: LAST - FIRST + 1 }, (_, index) => FIRST + index);
  const port = all.find((port) => port > last && isFree(port)) ?? all.find(isFree);
  if (port === undefined)
    throw new RowError(`Cannot find ports for another service: ${FIRST} to ${LAST} are all declared by others`);
  return { port, adminPort: port + ADMIN_OFFSET };
}
