/** Runs a load in a process of its own, where the shop's supervisor cannot delay it. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { runLoad } from "./load.ts";
import type { LoadJob, LoadResult } from "./load-job.ts";

/** Rejects when the process ends without a result. */
export async function runInProcess(job: LoadJob): Promise<LoadResult> {
  const child = fork(import.meta.filename, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  try {
    child.send(job);
    const [result] = await Promise.race([
      once(child, "message"),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`The load ended with exit code ${code}`))),
    ]);
    return result;
  } finally {
    child.kill();
  }
}

if (import.meta.main && process.send) {
  process.once("message", (job: LoadJob) => {
    void runLoad(job).then((result) => process.send?.(result));
  });
}
