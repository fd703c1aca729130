import type { InjectedVersion } from "../sidecars/behaviours.ts";
import type { Partition } from "../sidecars/partitions.ts";
import type { SupervisedProcess } from "../supervisor/supervised-process.ts";
import type { Backlogs } from "./backlogs.ts";

/** What `row status --json` prints. */
export interface ShopStatus {
  /** Whether a supervisor looks after it. */
  running: boolean;
  state: ShopState;
  pid?: number;
  stateDir: string;
  portBase: number;
  /** Whether services call each other through sidecars; absent when nothing runs. */
  mesh?: boolean;
  startedTime?: string;
  processes: ProcessStatus[];
  /** Why a shop is degraded, a sentence for each part of it; none when all is well. */
  problems: string[];
  backlogs: Backlogs | null;
  /** Versions that misbehave on purpose; absent when nothing runs. */
  injected?: InjectedVersion[];
  /** Calls that are cut on purpose; absent when nothing runs. */
  partitions?: Partition[];
}

/** "unsupervised": processes go on whose supervisor has ended, so that nothing starts again what dies. */
export type ShopState = "starting" | "ready" | "degraded" | "stopping" | "stopped" | "unsupervised";

export interface ProcessStatus {
  name: string;
  version: string;
  instance: string;
  pid: number | null;
  state: string;
  addresses: Record<string, string>;
  restarts: number;
  /** How long its last start took until it served. */
  readyAfterMs?: number;
  /** When it goes on, of one that is held. */
  pausedUntil?: string;
  /** What it is called and calls through; absent for what is outside the mesh. */
  sidecar?: SidecarStatus;
}

export interface SidecarStatus {
  instance: string;
  pid: number | null;
  state: string;
  restarts: number;
}

/** What somebody who looks at the list should know of it. */
export function problemsOf({ instance, state, pausedUntil, sidecar }: ProcessStatus): string[] {
  const until = pausedUntil ? ` until ${pausedUntil}` : "";
  return [
    ...(state === "ready" ? [] : [`${instance} is ${state}${until}`]),
    ...(sidecar && sidecar.state !== "ready" ? [`${sidecar.instance} is ${sidecar.state}`] : []),
  ];
}

/** The state of a process now, which for one that was ready once means asking it again. */
export async function statusOf(
  process: SupervisedProcess,
  pausedUntil: (process: SupervisedProcess) => Date | undefined,
  sidecar?: SupervisedProcess,
): Promise<ProcessStatus> {
  const { spec, restarts, pid, readyAfterMs } = process;
  const until = pausedUntil(process);
  // One that is held would not answer.
  const ask = async (one: SupervisedProcess) => (pausedUntil(one) ? "paused" : stateOf(one));
  const [state, sidecarState] = await Promise.all([ask(process), sidecar && ask(sidecar)]);
  return {
    name: spec.service,
    version: spec.version,
    instance: spec.name,
    pid: pid ?? null,
    state,
    addresses: spec.addresses,
    restarts,
    ...(readyAfterMs !== undefined && { readyAfterMs: Math.round(readyAfterMs) }),
    ...(until && { pausedUntil: until.toISOString() }),
    ...(sidecar && sidecarState && { sidecar: describe(sidecar, sidecarState) }),
  };
}

function describe({ spec, pid, restarts }: SupervisedProcess, state: string): SidecarStatus {
  return { instance: spec.name, pid: pid ?? null, state, restarts };
}

async function stateOf({ spec, state }: SupervisedProcess): Promise<string> {
  if (state !== "ready") return state;
  const answers = spec.isAlive ?? spec.isReady;
  return (await answers().catch(() => false)) ? state : "not ready";
}
