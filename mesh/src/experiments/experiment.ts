/** A canary experiment, as it is after reading its file: defaults filled in, shapes checked. Pure: types and names only. */
import type { CpuGate, MemoryGate, StartGate, Step } from "../judge/rule.ts";
import type { Metadata, Source } from "../resources/resource.ts";

export const EXPERIMENT_API = "canary-row.dev/v1alpha1";
export const EXPERIMENT_KIND = "Experiment";

/** What the canary is: stable's own code, perhaps with a behaviour, or another checkout, or an image in a cluster. */
export interface Canary {
  readonly version: string;
  /** "errors=5%" */
  readonly behaviour?: string;
  /** A folder with another checkout. */
  readonly folder?: string;
  /** A commit, a branch or a tag of this repository. */
  readonly gitRef?: string;
  readonly image?: string;
}

export const MIXES = ["read", "mixed", "order"] as const;

/** What the experiment sends itself. */
export interface Load {
  readonly mix: (typeof MIXES)[number];
  /** Requests a second. */
  readonly rate: number;
}

/** What every gate with a test says. */
interface Tested {
  /** Of α, against the other gates' shares. */
  readonly share: number;
  readonly riskRatio: number;
  readonly decides: boolean;
}

export interface FailuresGate extends Tested {
  readonly metric: "failures";
  readonly ceiling?: number;
  /** None: all of them. */
  readonly methods: readonly string[];
}

export interface LatencyGate extends Tested {
  readonly metric: "latency";
  /** "p50" of what stable had before, or "200ms". */
  readonly thresholds: readonly string[];
  readonly methods: readonly string[];
}

export interface CallsGate extends Tested {
  readonly metric: "calls";
  readonly mostPerRequest: number;
}

export interface OutcomeGate extends Tested {
  readonly metric: "cancelled-orders" | "dead-letters";
  readonly ceiling?: number;
}

export type GateSpec =
  | FailuresGate
  | LatencyGate
  | CallsGate
  | OutcomeGate
  | { readonly metric: "invariants" }
  | ({ readonly metric: "memory" } & MemoryGate)
  | ({ readonly metric: "cpu" } & CpuGate)
  | ({ readonly metric: "start" } & StartGate);

export type Metric = GateSpec["metric"];

export interface Experiment {
  readonly metadata: Metadata;
  readonly spec: {
    readonly service: string;
    readonly stable: { readonly version: string };
    readonly canary: Canary;
    readonly warmUpSeconds: number;
    readonly steps: readonly Step[];
    /** Absent: the traffic that is there is judged. */
    readonly load?: Load;
    readonly longestSeconds: number;
    readonly alpha: number;
    readonly beta: number;
    readonly gates: readonly GateSpec[];
  };
  readonly source: Source;
}
