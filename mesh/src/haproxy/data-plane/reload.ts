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
 * Resolves with the new worker's process id when every new connection is its own; the old one ends its calls meanwhile.
 * Rejects when the configuration is refused or no new worker answers in time (default 5 s): the old one then goes on serving.
 */
export async function reload(sockets: SidecarSockets, deadlineMs = DEADLINE_MS): Promise<number> {
  const until = performance.now() + deadlineMs;
  // The master's word: on the socket that workers share, the one before this worker may still answer.
  const before = await processesOf(sockets.master);
  await giveCommand(sockets.master, "reload");
  while (performance.now() < until) {
    const now = await processesOf(sockets.master).catch(() => undefined); // it starts anew, and for a moment does not listen
    if (now && now.failed > before.failed) {
      throw new Error("Cannot reload the sidecar: HAProxy refuses the new configuration and goes on with the old one");
    }
    if (now?.worker && now.worker !== before.worker && (await servesAlone(now.worker, now.former, sockets))) {
      return now.worker;
    }
    await sleep(POLL_MS);
  }
  throw new Error(`Cannot reload the sidecar: no new worker answers at ${sockets.stats} within ${deadlineMs} ms`);
}

interface Processes {
  /** Reloads that were refused. */
  readonly failed: number;
  readonly worker: number | undefined;
  /** Workers that end their calls. */
  readonly former: readonly number[];
}

async function processesOf(master: string): Promise<Processes> {
  const shown = await giveCommand(master, "show proc");
  const [current = "", former = ""] = shown.split("# old workers");
  const pids = (text: string) => [...text.matchAll(/^(\d+)\s+worker\b/gm)].map(([, pid]) => Number(pid));
  return { failed: Number(/\[failed: (\d+)\]/.exec(shown)?.[1] ?? 0), worker: pids(current)[0], former: pids(former) };
}

/** Whether no former worker takes connections any more, and the new one answers. */
async function servesAlone(worker: number, former: readonly number[], { master, stats }: SidecarSockets) {
  for (const pid of former) {
    const shown = await giveCommand(master, `@!${pid} show info`).catch(() => ""); // it has ended meanwhile
    if (/^Stopping: 0/m.test(shown)) return false;
  }
  const answering = await new RuntimeApi(stats).showInfo().catch(() => undefined);
  return answering?.pid === worker;
}
