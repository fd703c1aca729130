/** The load of an experiment, in the runner's own process: it ends with it, however that ends. */
import type { LoadJob } from "@row/load/load-job.ts";
import { runLoad } from "@row/load/run-load.ts";
import { LATE_MS } from "@row/load/tally.ts";
import type { Sent } from "@row/mesh/experiments/run/run-record.ts";
import type { RunningLoad } from "@row/mesh/experiments/run/stage.ts";

/** Resolves when requests begin; rejects where the shop cannot be entered. */
export function startOwnLoad(job: LoadJob): Promise<RunningLoad> {
  const stop = new AbortController();
  let late = 0;
  let waiting = 0;
  let sent: Sent = { requests: 0, failed: 0 };
  return new Promise((resolve, reject) => {
    const running = runLoad(job, {
      signal: stop.signal,
      onSecond: ({ backlog }, { requests, failed }) => {
        sent = { requests, failed };
        waiting = backlog.waiting;
        // What waits still is late before it leaves.
        late += backlog.late > 0 || backlog.longestMs <= LATE_MS ? backlog.late : waiting;
      },
      onBegin: () =>
        resolve({
          sinceLast: () => {
            const seen = { late, waiting };
            late = 0;
            return seen;
          },
          sent: () => sent,
          async stop() {
            stop.abort();
            await running;
          },
        }),
    });
    running.catch(reject);
  });
}
