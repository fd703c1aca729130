/** What runs in the mesh, as the data plane needs to know it. */
import type { Resource } from "../resources/resource.ts";

/** One process and its sidecar: a pod, where there is a cluster. */
export interface Workload {
  /** Unique, "catalog-v2-1". */
  readonly instance: string;
  readonly service: string;
  readonly version: string;
  /** The ServiceAccount. */
  readonly account: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether calls may be sent here now. */
  readonly isReady: boolean;
  /** Services it calls: an outbound listener for each. */
  readonly calls: readonly string[];
  readonly sidecar: SidecarPaths;
  /** The unix socket on which the app serves gRPC; absent for what only calls. */
  readonly appSocket?: string;
  /** The unix socket on which the app serves HTTP/1.1; the edge has one. */
  readonly httpSocket?: string;
  /** The port on 127.0.0.1 where other sidecars call this one, with mutual TLS. */
  readonly inboundPort?: number;
  /** Ports on 127.0.0.1 where anybody on this machine may call, without an identity. */
  readonly laptopPorts: readonly number[];
  /** A port on 127.0.0.1 that takes calls to any service and finds it by the method or the authority: the toolbox's. */
  readonly anyServicePort?: number;
  /** "127.0.0.1:8081": who answers reflection on that port for all that may be called there, where no authority says whom it is for. */
  readonly reflectionAddress?: string;
}

/** Absolute paths of one sidecar. */
export interface SidecarPaths {
  /** Its own folder, readable by its owner only: haproxy.cfg, maps, error files, service-config.json. */
  readonly folder: string;
  /** The trust anchor's certificate, PEM. */
  readonly anchor: string;
  /** Certificate and private key, PEM, readable by the owner only. */
  readonly certificate: string;
  /** HAProxy's runtime API. */
  readonly statsSocket: string;
  /** The socket of the outbound listener for each service it calls. */
  readonly outboundSockets: Readonly<Record<string, string>>;
  /** "127.0.0.1:7000": where request lines go, over UDP. */
  readonly logAddress: string;
}

/** Everything that one sidecar's configuration follows from. */
export interface MeshView {
  readonly resources: readonly Resource[];
  readonly workloads: readonly Workload[];
}
