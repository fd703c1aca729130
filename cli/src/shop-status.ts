import type { Backlogs } from "./backlogs.ts";
import type { SupervisedProcess } from "./supervisor/supervised-process.ts";

/** What `row status --json` prints. */
export interface ShopStatus {
  running: boolean;
  state: ShopState;
  pid?: number;
  stateDir: string;
  portBase: number;
  /** Whether services call each other through sidecars; absent when nothing runs. */
  mesh?: boolean;
  startedTime?: string;
  processes: ProcessStatus[];
  backlogs: Backlogs | null;
}

export type ShopState = "starting" | "ready" | "degraded" | "stopping" | "stopped";

export interface ProcessStatus {
  name: string;
  version: string;
  instance: string;
  pid: number | null;
  state: string;
  addresses: Record<string, string>;
  restarts: number;
  /** What it is called and calls through; absent for what is outside the mesh. */
  sidecar?: SidecarStatus;
}

export interface SidecarStatus {
  instance: string;
  pid: number | null;
  state: string;
  restarts: number;
}

/** Whether a shop that has it in this state lacks something. */
export function isAway({ state, sidecar }: ProcessStatus): boolean {
  return state !== "ready" || (sidecar !== undefined && sidecar.state !== "ready");
}

/** The state of a process now, which for one that was ready once means asking it again. */
export async function statusOf(process: SupervisedProcess, sidecar?: SupervisedProcess): Promise<ProcessStatus> {
  const { spec, restarts, pid } = process;
  const [state, sidecarState] = await Promise.all([stateOf(process), sidecar && stateOf(sidecar)]);
  return {
    name: spec.service,
    version: spec.version,
    instance: spec.name,
    pid: pid ?? null,
    state,
    addresses: spec.addresses,
    restarts,
    ...(sidecar && sidecarState && { sidecar: describe(sidecar, sidecarState) }),
  };
}

function describe({ spec, pid, restarts }: SupervisedProcess, state: string): SidecarStatus {
  return { instance: spec.name, pid: pid ?? null, state, restarts };
}

async function stateOf({ spec, state }: SupervisedProcess): Promise<string> {
  if (state !== "ready") return state;
  return (await spec.isReady().catch(() => false)) ? state : "not ready";
}
