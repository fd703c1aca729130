import { TOOLBOX } from "@row/runtime/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import { isCallable, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { type Installation, realPort } from "../installation.ts";
import { canListen } from "../stores/ports.ts";

/** Ports of the mesh, declared like a service's. */
const DECLARED = { anyService: 5050, observerLog: 7500, observerHttp: 7501 };

/** Where the sidecar of a service's first instance listens lies this far above the service's own port. */
const INBOUND_OFFSET = 2_000;

/** What further instances take, in declared ports. */
const POOLS = { inbound: { first: 7100, last: 7299 }, admin: { first: 7300, last: 7499 } };

export interface MeshPorts {
  /** The toolbox's, which takes calls to any service. */
  anyService: number;
  /** Request lines, over UDP. */
  observerLog: number;
  observerHttp: number;
}

export function meshPorts(installation: Installation): MeshPorts {
  return {
    anyService: realPort(installation, DECLARED.anyService),
    observerLog: realPort(installation, DECLARED.observerLog),
    observerHttp: realPort(installation, DECLARED.observerHttp),
  };
}

/** The port at which other sidecars reach a service's first instance. */
export function firstInboundPort(installation: Installation, { port }: ServiceManifest): number {
  return realPort(installation, port + INBOUND_OFFSET);
}

/** Every TCP port that a meshed shop takes besides its services', and whose it is. */
export function namedMeshPorts(installation: Installation, meshed: ServiceManifest[]): Map<number, string> {
  const { anyService, observerHttp } = meshPorts(installation);
  const ports = new Map([
    [anyService, TOOLBOX],
    [observerHttp, "observer"],
  ]);
  for (const service of meshed) {
    if (isCallable(service)) ports.set(firstInboundPort(installation, service), `${service.name}, sidecar`);
  }
  return ports;
}

/** Gives ports to instances that come later and takes them back. */
export class PortPool {
  readonly #installation: Installation;
  readonly #taken: Set<number>;

  /** @param taken real ports that are somebody's already */
  constructor(installation: Installation, taken: Iterable<number>) {
    this.#installation = installation;
    this.#taken = new Set(taken);
  }

  /** A port that nobody listens on; it is the caller's until released. */
  async take(pool: keyof typeof POOLS): Promise<number> {
    const { first, last } = POOLS[pool];
    for (let declared = first; declared <= last; declared += 1) {
      const port = realPort(this.#installation, declared);
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await canListen(port)) return port;
      this.#taken.delete(port);
    }
    throw new RowError(`Cannot start another instance: every port for it is taken, up to ${last - first + 1} fit`);
  }

  release(...ports: (number | undefined)[]): void {
    for (const port of ports) if (port !== undefined) this.#taken.delete(port);
  }
}
