/** Keeps every log of a shop within a bound while its processes go on writing to it. */
import { copyFile, readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Of one log; as much again is kept of what it held before, with ".1" after its name. */
export const MOST_LOG_BYTES = 20_000_000;
const LOOK_EVERY_MS = 2_000;

/** Looks after the logs in a folder until told to stop. */
export async function rotateLogs(
  folder: string,
  signal: AbortSignal,
  mostBytes = MOST_LOG_BYTES,
  everyMs = LOOK_EVERY_MS,
): Promise<void> {
  while (!signal.aborted) {
    const names = await readdir(folder).catch(() => []);
    // A full disk must not end the looking: the next look may find room.
    for (const name of names) if (name.endsWith(".log")) await rotate(join(folder, name), mostBytes).catch(() => {});
    await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

/**
 * Copies and empties, since a process goes on writing to the file that it has open, whatever the name is by then. It
 * appends, so that it goes on at the new end; lines of the instant between the two are lost.
 */
async function rotate(file: string, mostBytes: number): Promise<void> {
  if ((await stat(file)).size <= mostBytes) return;
  await copyFile(file, `${file}.1`).finally(() => truncate(file));
}
