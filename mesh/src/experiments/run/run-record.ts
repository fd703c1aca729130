/** What is written of a run before each thing that it changes, so that whoever finds it can bring everything back. Pure: types only. */
import type { RuleSplit } from "../../policy/traffic-split.ts";
import type { Experiment } from "../experiment.ts";
import type { Arms, Thresholds } from "./observation.ts";
import type { Phase } from "./phase.ts";

export const RUN_FORMAT = "canary-row.dev/run/v1alpha1";

export interface RunRecord {
  readonly format: typeof RUN_FORMAT;
  /** "errors-20261130-090512", the name of its folder. */
  readonly run: string;
  readonly experiment: string;
  readonly arms: Arms;
  /** Everything that was asked, defaults filled in. */
  readonly configuration: Experiment["spec"];
  /** What stable, and so the baseline, misbehaves by, where it does. */
  readonly stableBehaviours: readonly string[];
  /** Of the shop's own code, where it is known. */
  readonly commit?: string;
  readonly startedTime: string;
  /** Who runs it: a pid alone is reused. */
  readonly runner: { readonly pid: number; readonly started: string };
  /** What it did last, or was about to do. */
  readonly phase: Phase;
  /** The weights before the run, rule by rule. */
  readonly before: readonly RuleSplit[];
  readonly thresholds?: Thresholds;
  /** What repeats the arrivals, calls and products of its load. */
  readonly loadSeed?: number;
  /** Once nothing is left to bring back. */
  readonly ended?: RunEnd;
}

export interface RunEnd {
  readonly time: string;
  readonly outcome: "promoted" | "rolled back" | "inconclusive" | "aborted";
  /** Who brought it to its end: the runner itself, or who found what it had left. */
  readonly by: "runner" | "abort" | "start of the shop";
  readonly sentence: string;
  /** Of the experiment's own load: what those who sent it saw. */
  readonly sent?: Sent;
}

/** Requests of a load that have ended. */
export interface Sent {
  readonly requests: number;
  readonly failed: number;
}
