/** Requests, failures, latency, calls and first calls of the versions, by the observer's lines of all sidecars. */
import type { Arms, Observed, Thresholds } from "@row/mesh/experiments/run/observation.ts";
import type { JudgeRule } from "@row/mesh/judge/rule.ts";
import type { WatchCounts } from "@row/mesh/observer/watch.ts";
import { NOTHING_READ, requestCounts, thresholdsInUs } from "./request-counts.ts";
import type { Source } from "./source.ts";
import { type Started, startTimes } from "./start-times.ts";
import { openWatch } from "./watch-client.ts";

export interface RequestsAsked {
  readonly arms: Arms;
  readonly rule: JudgeRule;
  readonly thresholds: Thresholds;
  readonly started: Started;
  /** How long the instances took to be ready, by their name. */
  readonly readyMs: ReadonlyMap<string, number>;
}

export async function requestsSeen(observer: string, asked: RequestsAsked): Promise<Source> {
  const { arms, rule, thresholds, started, readyMs } = asked;
  const watch = await openWatch(observer, arms.service, thresholdsInUs(rule, thresholds));
  let before: Pick<WatchCounts, "strata" | "calls"> = NOTHING_READ;
  let isStartTold = false;
  const startOnce = ({ firstCalls }: WatchCounts): Observed["start"] => {
    const start = isStartTold ? undefined : startTimes(started, readyMs, firstCalls);
    isStartTold ||= start !== undefined;
    return start;
  };
  return {
    name: "requests",
    async read(signal) {
      const after = await watch.read(signal);
      const counts = requestCounts({ arms, rule }, before, after);
      before = after;
      const start = startOnce(after);
      return { ...counts, ...(start && { start }) };
    },
    close: () => watch.close(),
  };
}
