import { ready } from "../ready.ts";
import type { LoadJob } from "./load-job.ts";
import { runLoad } from "./run-load.ts";

process.on("message", async (job: LoadJob) => {
  try {
    process.send?.({ result: await runLoad(job) });
  } catch (error) {
    process.send?.({ failed: error instanceof Error ? error.message : String(error) });
  }
});
ready();
