import { join } from "node:path";
import type { Workload } from "@row/mesh/haproxy/workload.ts";
import { FIRST_VERSION, labelsOf, TOOLBOX } from "@row/runtime/names.ts";
import { isCallable, type ServiceManifest } from "@row/topology/service-manifest.ts";
import type { Deployment } from "./deployments.ts";
import type { MeshPorts } from "./mesh-ports.ts";

/** Folders of the mesh in the state folder, and the one for its sockets. */
export class MeshFolders {
  readonly root: string;
  readonly sockets: string;

  constructor(stateDir: string, sockets: string) {
    this.root = join(stateDir, "mesh");
    this.sockets = sockets;
  }

  get identity(): string {
    return join(this.root, "identity");
  }

  get anchor(): string {
    return join(this.identity, "anchor.crt");
  }

  sidecar(instance: string): string {
    return join(this.root, "sidecars", instance);
  }

  certificate(instance: string): string {
    return join(this.identity, `${instance}.pem`);
  }

  socketsOf(instance: string): string {
    return join(this.sockets, instance);
  }
}

/** A process of a version and its sidecar, as they are to run. Whether calls may go there is the fleet's to say. */
export interface Instance {
  readonly deployment: Deployment;
  /** As the code that it runs has it. */
  readonly service: ServiceManifest;
  readonly adminPort: number;
  readonly workload: Omit<Workload, "isReady">;
}

export interface InstancePorts {
  admin: number;
  /** Absent for what nobody calls through the mesh. */
  inbound?: number;
}

export function instanceName({ service, version }: Deployment, number: number): string {
  return `${service}-${version}-${number}`;
}

/** @param calls the services that its code calls through the mesh */
export function newInstance(
  deployment: Deployment,
  number: number,
  service: ServiceManifest,
  calls: readonly string[],
  ports: InstancePorts,
  folders: MeshFolders,
  mesh: MeshPorts,
): Instance {
  const instance = instanceName(deployment, number);
  const sockets = folders.socketsOf(instance);
  return {
    deployment,
    service,
    adminPort: ports.admin,
    workload: {
      ...sidecarOf(instance, calls, folders, mesh),
      service: service.name,
      version: deployment.version,
      account: service.name,
      labels: labelsOf(service.name, deployment.version),
      ...(service.kind === "web" ? {} : { appSocket: join(sockets, "app.sock") }),
      ...(isCallable(service) ? {} : { httpSocket: join(sockets, "http.sock") }),
      ...(ports.inbound === undefined ? {} : { inboundPort: ports.inbound }),
      laptopPorts: [],
    },
  };
}

/** The workload that people call from: a sidecar alone. */
export function toolboxWorkload(
  calls: readonly string[],
  folders: MeshFolders,
  mesh: MeshPorts,
  reflectionAddress: string | undefined,
): Workload {
  return {
    ...sidecarOf(`${TOOLBOX}-${FIRST_VERSION}-1`, calls, folders, mesh),
    service: TOOLBOX,
    version: FIRST_VERSION,
    account: TOOLBOX,
    labels: labelsOf(TOOLBOX, FIRST_VERSION),
    isReady: true,
    laptopPorts: [],
    anyServicePort: mesh.anyService,
    ...(reflectionAddress === undefined ? {} : { reflectionAddress }),
  };
}

function sidecarOf(instance: string, calls: readonly string[], folders: MeshFolders, mesh: MeshPorts) {
  const sockets = folders.socketsOf(instance);
  return {
    instance,
    calls,
    sidecar: {
      folder: folders.sidecar(instance),
      anchor: folders.anchor,
      certificate: folders.certificate(instance),
      statsSocket: join(sockets, "stats.sock"),
      outboundSockets: Object.fromEntries(calls.map((callee) => [callee, join(sockets, `to-${callee}.sock`)])),
      logAddress: `127.0.0.1:${mesh.observerLog}`,
    },
  };
}
