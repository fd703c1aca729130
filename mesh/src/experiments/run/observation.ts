/** What a run sees of the versions that it compares, wherever they run. Pure: types only. */
import type { JudgeRule } from "../../judge/rule.ts";
import type { SecondCounts } from "../../judge/second-counts.ts";

/** The versions of one service: stable keeps its share, baseline is a fresh instance of stable's code, canary is judged. */
export interface Arms {
  readonly service: string;
  readonly stable: string;
  readonly baseline: string;
  readonly canary: string;
}

/** What happened since the last look (the first: since it was opened). `start` is given once, when it is known. */
export type Observed = Pick<
  SecondCounts,
  "requests" | "metrics" | "examples" | "heapBytes" | "cpuSeconds" | "start" | "violations"
>;

/** Latency thresholds in ms by gate name ("latency-p50"), each a bound of the mesh's buckets. */
export type Thresholds = Readonly<Record<string, number>>;

/** Rejects when it cannot say what happened: nothing is zero because it was not seen. */
export interface Observation {
  look(): Promise<Observed>;
  close(): Promise<void>;
}

export interface Observatory {
  /**
   * What stable had in the last so many seconds, for the gates of the rule that name a quantile; fixed thresholds are rounded up to a
   * bound. Rejects when stable had no requests then.
   */
  thresholds(arms: Arms, rule: JudgeRule, windowSeconds: number): Promise<Thresholds>;
  /** @param startedAfter the instances that were started for the run, whose start is timed */
  open(
    arms: Arms,
    rule: JudgeRule,
    thresholds: Thresholds,
    startedAfter: { readonly baseline: readonly string[]; readonly canary: readonly string[] },
  ): Promise<Observation>;
}
