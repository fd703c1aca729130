/** What the judge is fed: everything that was counted in one second. Pure: types only. */
import type { ByArm } from "./arms.ts";
import type { Window } from "./window-factor.ts";

/** One value of each of the two versions that are compared; one that was not seen is left out. */
export interface Pair {
  readonly baseline?: number;
  readonly canary?: number;
}

export interface Stratum extends Window {
  /** Method and caller: only like is compared with like. */
  readonly stratum: string;
}

/** How a process started. */
export interface StartTimes {
  /** Until it was ready. */
  readonly readyMs: number;
  /** The median of its first hundred calls. */
  readonly firstCallsMs: number;
}

export interface Violation {
  /** The invariant's name. */
  readonly invariant: string;
  /** "order 0198…: total 12.90, items 25.80" */
  readonly example: string;
}

/** Why a run is over that the judge has not ended: it says nothing about the canary. */
export interface EndedEarly {
  readonly reason: "load-not-reached" | "aborted" | "failed";
  /** "somebody ended it while the canary had 10 %" */
  readonly why: string;
}

export interface SecondCounts {
  /** Since the experiment began, from 0; seconds come in order. */
  readonly second: number;
  /** The step whose weights were asked for, from 0. */
  readonly step: number;
  /** Requests by version, every attempt that the split decided about. */
  readonly requests: ByArm;
  /** By gate: its strata. */
  readonly metrics: Readonly<Record<string, readonly Stratum[]>>;
  /** By gate: an order or a trace of the canary that failed it. */
  readonly examples?: Readonly<Record<string, string>>;
  /** Bytes of heap in use after the last garbage collection. */
  readonly heapBytes?: Pair;
  /** Processor time that was used in this second. */
  readonly cpuSeconds?: Pair;
  readonly start?: { readonly baseline?: StartTimes; readonly canary?: StartTimes };
  readonly violations?: readonly Violation[];
  /** Arrivals of the experiment's own load that had to wait for more than a second. */
  readonly lateArrivals?: number;
  /** In the last one, of a run that ended before there was a verdict. */
  readonly ended?: EndedEarly;
}
