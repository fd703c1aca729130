/** What the judge is told before an experiment: gates, lines and times. Pure: types only. */

import type { ByArm } from "./arms.ts";
import type { Measure } from "./evidence.ts";

/** One metric in which the canary is compared with the baseline. */
export interface Gate extends Measure {
  /** Of the metric in the counts: "failures", "latency-p99". */
  readonly name: string;
  /** What sentences call it: "requests slower than 12 ms". */
  readonly title: string;
  /** What is counted: "requests", "orders". */
  readonly unit: string;
  /** Of the false alarms that α allows; all gates' shares add up to 1. */
  readonly share: number;
  /** Whether promotion waits for it; otherwise it only rolls back. */
  readonly decides: boolean;
  /** The methods whose requests are counted for it; all of them unless given. */
  readonly methods?: readonly string[];
}

/** Memory that grows faster than the baseline's. */
export interface MemoryGate {
  /** Canary minus baseline, in both halves of what is looked at. */
  readonly megabytesPerMinute: number;
}

/** Processor time per request against the baseline's. */
export interface CpuGate {
  readonly ratio: number;
  /** Of each version, before it is looked at. */
  readonly minRequests: number;
}

/** How the process starts, against the baseline's own start. */
export interface StartGate {
  /** Of the time until it was ready, and of the median of its first calls. */
  readonly ratio: number;
  /** Differences below them do not count. */
  readonly readyMs: number;
  readonly callMs: number;
}

export interface Step {
  readonly weights: ByArm;
  /** Of the canary, in this step. */
  readonly minRequests: number;
  readonly minSeconds: number;
}

export interface JudgeRule {
  readonly service: string;
  /** What sentences call them: "v1", "v2". */
  readonly versions: { readonly stable: string; readonly canary: string };
  /** How often a canary that is no worse may be rolled back. */
  readonly alpha: number;
  /** How often one that is worse by the harm that matters may be promoted, by each gate. */
  readonly beta: number;
  readonly steps: readonly Step[];
  /** Seconds at the beginning that only start and invariants are judged by. */
  readonly warmUpSeconds: number;
  readonly longestSeconds: number;
  readonly gates: readonly Gate[];
  /** Sentences about what may never happen, by name: the first violation rolls back. */
  readonly invariants: Readonly<Record<string, string>>;
  readonly memory?: MemoryGate;
  readonly cpu?: CpuGate;
  readonly start?: StartGate;
}
