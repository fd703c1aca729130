/**
 * A load in a process of its own: LOAD_JOB says what to do, LOAD_FILE where to write how far it is. SIGTERM and SIGINT end it in
 * order, with a summary of what there was.
 */
import { RowError } from "@row/topology/row-error.ts";
import type { LoadJob } from "./load-job.ts";
import { type LoadProgress, writeProgress } from "./load-progress.ts";
import { runLoad } from "./run-load.ts";

const { LOAD_JOB = "", LOAD_FILE = "" } = process.env;

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort());

try {
  const job: LoadJob = JSON.parse(LOAD_JOB);
  const { mix, rate, seconds, spacing, seed, connections } = job;
  const wish = { mix, rate, seconds, spacing, seed, connections };
  let progress: LoadProgress = { wish, pid: process.pid, startedTime: new Date().toISOString() };
  const summary = await runLoad(job, {
    signal: stop.signal,
    onBegin: () => writeProgress(LOAD_FILE, progress),
    onSecond: (second, total) => {
      progress = { ...progress, second, total };
      writeProgress(LOAD_FILE, progress);
    },
  });
  writeProgress(LOAD_FILE, { ...progress, summary });
} catch (error) {
  console.error(error instanceof RowError ? error.message : error);
  process.exitCode = 1;
}
