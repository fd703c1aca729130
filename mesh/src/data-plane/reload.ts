/** Gives a running sidecar its new configuration without closing a listener or dropping a call. */
import { setTimeout as sleep } from "node:timers/promises";
import { giveCommand } from "./command.ts";
import { RuntimeApi } from "./runtime-api.ts";

const DEADLINE_MS = 5_000;
const POLL_MS = 10;

/** The sockets of one sidecar. */
export interface SidecarSockets {
  /** The master's, of `haproxy -W -S`. */
  readonly master: string;
  /** The worker's runtime API. */
  readonly stats: string;
}

/**
 * Resolves with the new worker's process id when it answers; the old worker ends its calls meanwhile. Rejects when
 * the configuration is refused or no new worker answers in time (default 5 s): the old one then goes on serving.
 */
export async function reload(sockets: SidecarSockets, deadlineMs = DEADLINE_MS): Promise<number> {
  const worker = new RuntimeApi(sockets.stats);
  const until = performance.now() + deadlineMs;
  const { pid } = await worker.showInfo();
  const failures = await failedReloads(sockets.master);
  await giveCommand(sockets.master, "reload");
  while (performance.now() < until) {
    const now = await worker.showInfo().catch(() => undefined); // between the workers nobody may answer
    if (now && now.pid !== pid) return now.pid;
    const failed = await failedReloads(sockets.master).catch(() => failures);
    if (failed > failures) {
      throw new Error("Cannot reload the sidecar: HAProxy refuses the new configuration and goes on with the old one");
    }
    await sleep(POLL_MS);
  }
  throw new Error(`Cannot reload the sidecar: no new worker answers at ${sockets.stats} within ${deadlineMs} ms`);
}

async function failedReloads(masterSocket: string): Promise<number> {
  return Number(/\[failed: (\d+)\]/.exec(await giveCommand(masterSocket, "show proc"))?.[1] ?? 0);
}
