import type { Backlogs } from "./backlogs.ts";
import type { SupervisedProcess } from "./supervisor/supervised-process.ts";

/** What `row status --json` prints. */
export interface ShopStatus {
  running: boolean;
  state: ShopState;
  pid?: number;
  stateDir: string;
  portBase: number;
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
}

/** The state of a process now, which for one that was ready once means asking it again. */
export async function statusOf(process: SupervisedProcess): Promise<ProcessStatus> {
  const { spec, state, restarts, pid } = process;
  const serves = state === "ready" ? await spec.isReady().catch(() => false) : false;
  return {
    name: spec.service,
    version: spec.version,
    instance: spec.name,
    pid: pid ?? null,
    state: state === "ready" && !serves ? "not ready" : state,
    addresses: spec.addresses,
    restarts,
  };
}
