/** Requests, failures, latency and calls of the versions, by the observer's lines of all sidecars. */
import type { Arms, Thresholds } from "@row/mesh/experiments/run/observation.ts";
import type { JudgeRule } from "@row/mesh/judge/rule.ts";
import { NOTHING_READ, requestCounts, thresholdsInUs } from "./request-counts.ts";
import type { Source } from "./source.ts";
import { openWatch } from "./watch-client.ts";

export async function requestsSeen(
  observer: string,
  arms: Arms,
  rule: JudgeRule,
  thresholds: Thresholds,
): Promise<Source> {
  const watch = await openWatch(observer, arms.service, thresholdsInUs(rule, thresholds));
  let before: typeof NOTHING_READ = NOTHING_READ;
  return {
    name: "requests",
    async read(signal) {
      const after = await watch.read(signal);
      const counts = requestCounts({ arms, rule }, before, after);
      before = after;
      return counts;
    },
    close: () => watch.close(),
  };
}
