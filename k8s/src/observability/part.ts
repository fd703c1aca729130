import { createHash } from "node:crypto";
import type { IContainer, IPodSpec, IVolume } from "kubernetes-models/v1";
import type { About } from "../about.ts";
import type { Caller } from "./namespace.ts";

/** A port, and who may call it; nobody but the kubelet's probes when that is not said. */
export interface Port {
  readonly name: string;
  readonly port: number;
  readonly protocol: "HTTP/1" | "gRPC";
  readonly callers: readonly Caller[];
}

/** One program of the profile, from which all of its manifests follow. */
export interface Part {
  readonly name: string;
  /** Of the program. */
  readonly version: string;
  /** The file under k8s/src/observability. */
  readonly source: string;
  readonly kind: "Deployment" | "DaemonSet";
  readonly image: string;
  readonly user: number;
  readonly group?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly ports: readonly Port[];
  /** Where the kubelet asks, by port name; a port that is not among `ports` is for the kubelet alone. */
  readonly health: {
    readonly port: string;
    readonly containerPort: number;
    readonly ready: string;
    readonly live: string;
  };
  /** Files by name, and where all of them stand, unless `mounts` says where each does. */
  readonly files: Readonly<Record<string, string>>;
  readonly filesAt?: string;
  /** Where it writes, and how much; lost with the pod. */
  readonly data: { readonly path: string; readonly sizeLimit: string };
  readonly resources: { readonly cpu: string; readonly memory: string; readonly memoryLimit: string };
  readonly mounts?: readonly (NonNullable<IContainer["volumeMounts"]>[number] & { readonly volume: IVolume })[];
  readonly pod?: Partial<IPodSpec>;
}

export function aboutPart({ name, version, source }: Pick<Part, "name" | "version" | "source">): About {
  return { name, version, component: "tool", source: `k8s/src/observability/${source}` };
}

/** Another text is another start: none of them reads its configuration again. */
export function digest(files: Readonly<Record<string, string>>): string {
  return createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
}
