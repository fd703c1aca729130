import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { replaceFile } from "@row/topology/replace-file.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { SupervisedProcess } from "../supervisor/supervised-process.ts";

const READY_MS = 10_000;
const RELOAD_MS = 5_000;
const POLL_MS = 10;

/** Has the server follow another configuration; who is connected stays so. One that is halted follows it once it is started. */
export async function reconfigureNats(nats: SupervisedProcess, file: string, text: string): Promise<void> {
  const before = readFileSync(file, "utf8");
  if (text === before) return;
  replaceFile(file, text);
  try {
    if (nats.state !== "stopped" && nats.state !== "stopping") await reload(nats);
  } catch (error) {
    // The file says what the server does, so that the next change is seen to be one.
    replaceFile(file, before);
    throw error;
  }
}

async function reload(nats: SupervisedProcess): Promise<void> {
  // One that is still starting would die of the signal.
  await nats.whenReady(READY_MS);
  const before = await loadedTime(nats);
  nats.kill("SIGHUP");
  const end = performance.now() + RELOAD_MS;
  // One that died meanwhile is started with the new one.
  while ((await loadedTime(nats).catch(() => before)) === before) {
    if (performance.now() > end) {
      throw new RowError(
        `Cannot change who may read which events: nats does not follow its new configuration\nIts log is ${nats.spec.logFile}`,
      );
    }
    await sleep(POLL_MS);
  }
}

/** When the server read the configuration that it follows. */
async function loadedTime({ spec }: SupervisedProcess): Promise<string> {
  const response = await fetch(`http://${spec.addresses.monitor}/varz`, { signal: AbortSignal.timeout(RELOAD_MS) });
  const { config_load_time: time } = (await response.json()) as { config_load_time: string }; // as nats-server documents it
  return time;
}
