import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import type { Programs } from "../bundle/programs.ts";
import type { Installation } from "../installation.ts";
import type { Settings } from "../shop/service-process.ts";
import type { ProcessSpec, SupervisedProcess } from "../supervisor/supervised-process.ts";

/** The shop around a mesh. */
export interface MeshHost {
  readonly installation: Installation;
  readonly programs: Programs;
  /** HAProxy. */
  readonly program: string;
  /** The services that run behind sidecars. */
  readonly services: ServiceManifest[];
  /** Every service there is. */
  readonly all: ServiceManifest[];
  readonly settings: Settings;
  /** 24 hours when absent. */
  readonly certificateLifetimeMs?: number;
  /** Makes a process part of the shop; it is not started yet. */
  supervise(spec: ProcessSpec): SupervisedProcess;
  forget(process: SupervisedProcess): void;
  report(text: string): void;
}
