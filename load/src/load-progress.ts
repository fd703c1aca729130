/** How far a load is that runs in a process of its own: a file that it writes anew every second, and that anybody may read. */
import { readFileSync } from "node:fs";
import { replaceFile } from "@row/topology/replace-file.ts";
import type { Counts, LoadSecond, LoadSummary } from "./load-counts.ts";
import type { LoadWish } from "./load-job.ts";

export interface LoadProgress {
  readonly wish: LoadWish;
  readonly pid: number;
  readonly startedTime: string;
  /** The last second. */
  readonly second?: LoadSecond;
  readonly total?: Counts;
  /** Once it has ended. */
  readonly summary?: LoadSummary;
}

export function writeProgress(file: string, progress: LoadProgress): void {
  replaceFile(file, JSON.stringify(progress, null, 2));
}

/** Undefined where no load has written one. */
export function readProgress(file: string): LoadProgress | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
