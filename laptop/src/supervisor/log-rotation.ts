/** Keeps every log of a shop within a bound while its processes go on writing to it, and few of those that are gone. */
import { copyFile, readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Of one log; as much again is kept of what it held before, with ".1" after its name. */
export const MOST_LOG_BYTES = 20_000_000;
/** Of processes that are gone, for who wants to know what became of them: the latest. */
export const MOST_LOGS_OF_GONE = 20;
const LOOK_EVERY_MS = 2_000;

interface RotationOptions {
  readonly mostBytes?: number;
  readonly everyMs?: number;
  /** Whether somebody still writes to the log of this name, or soon will. */
  readonly isInUse: (name: string) => boolean;
}

/** Looks after the logs in a folder until told to stop. */
export async function rotateLogs(folder: string, signal: AbortSignal, options: RotationOptions): Promise<void> {
  const { mostBytes = MOST_LOG_BYTES, everyMs = LOOK_EVERY_MS, isInUse } = options;
  while (!signal.aborted) {
    const files = await readdir(folder).catch(() => []);
    const names = files.filter((file) => file.endsWith(".log")).map((file) => file.slice(0, -".log".length));
    // A full disk must not end the looking: the next look may find room.
    for (const name of names) await rotate(fileOf(folder, name), mostBytes).catch(() => {});
    await prune(
      folder,
      names.filter((name) => !isInUse(name)),
    ).catch(() => {});
    await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

function fileOf(folder: string, name: string): string {
  return join(folder, `${name}.log`);
}

async function prune(folder: string, gone: readonly string[]): Promise<void> {
  if (gone.length <= MOST_LOGS_OF_GONE) return;
  const files = gone.map((name) => fileOf(folder, name));
  const aged = await Promise.all(files.map(async (file) => ({ file, lastMs: (await stat(file)).mtimeMs })));
  const oldest = aged.sort((a, b) => b.lastMs - a.lastMs).slice(MOST_LOGS_OF_GONE);
  for (const { file } of oldest) for (const each of [file, `${file}.1`]) await rm(each, { force: true });
}

/**
 * Copies and empties, since a process goes on writing to the file that it has open, whatever the name is by then. It
 * appends, so that it goes on at the new end; lines of the instant between the two are lost.
 */
async function rotate(file: string, mostBytes: number): Promise<void> {
  if ((await stat(file)).size <= mostBytes) return;
  await copyFile(file, `${file}.1`).finally(() => truncate(file));
}
