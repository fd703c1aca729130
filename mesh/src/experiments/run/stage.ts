/** What a run asks of the place where the service runs, and of whoever keeps what it finds. Pure: types only. */

import type { ByArm } from "../../judge/arms.ts";
import type { SecondCounts } from "../../judge/second-counts.ts";
import type { Summary } from "../../judge/summary.ts";
import type { RuleSplit } from "../../policy/traffic-split.ts";
import type { Load } from "../experiment.ts";
import type { Observatory } from "./observation.ts";
import type { Phase } from "./phase.ts";
import type { RunRecord, Sent } from "./run-record.ts";

/** One version to run beside the others, as one instance. */
export interface Version {
  readonly service: string;
  readonly version: string;
  readonly behaviours: readonly string[];
  /** A folder or a git reference; the shop's own code when absent. */
  readonly from?: string;
}

export interface Stage {
  readonly observatory: Observatory;
  /** Answers the instances that serve. */
  deploy(version: Version): Promise<readonly string[]>;
  /** Takes a version away, drained; nothing where it is not there. */
  undeploy(service: string, version: string): Promise<void>;
  /** Resolves once every caller follows, in all routes of the service. */
  weigh(service: string, weights: Weighed): Promise<void>;
  restore(service: string, before: readonly RuleSplit[]): Promise<void>;
  /** Resolves when requests begin. */
  startLoad(load: Load, seconds: number, seed: number): Promise<RunningLoad>;
  startClock(): Clock;
}

/** Weights by version. */
export type Weighed = Readonly<Record<string, number>>;

/** What the experiment sends itself. */
export interface RunningLoad {
  /** Arrivals that had to wait for more than a second since it was asked last, and those that wait now. */
  sinceLast(): { readonly late: number; readonly waiting: number };
  /** Of all so far, what those who sent them saw: a retry that another version answers is no failure to them. */
  sent(): Sent;
  stop(): Promise<void>;
}

export interface Clock {
  /** Resolves at the end of a second, with its number from 0; those that nobody waited for are passed over. At once when aborted. */
  next(signal: AbortSignal): Promise<number>;
}

/** Keeps what a run does and finds. What it is told is safe before it returns. */
export interface Journal {
  /** Before the phase changes anything. */
  begin(record: RunRecord): void;
  /** Once the phase has changed what it changes. */
  done(phase: Phase): void;
  counts(counts: SecondCounts): void;
  /** Computes the result from what was counted, and answers its verdict's sentence. */
  conclude(): void;
}

/** What a run says on its way. */
export interface Listeners {
  readonly onPhase?: (record: RunRecord) => void;
  readonly onSecond?: (second: SecondSeen) => void;
}

export interface SecondSeen {
  readonly counts: SecondCounts;
  readonly weights: ByArm;
  readonly summary: Summary;
}
