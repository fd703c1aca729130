/** What the campaign runs, and what must come of it. */

export interface Planned {
  /** What results call it. */
  readonly name: string;
  /** In mesh/experiments. */
  readonly experiment: string;
  readonly runs: number;
  readonly expected: Expected;
  /** What stable, and so its baseline, misbehaves by all the while. */
  readonly stable?: string;
  /** In place of the file's: fields of its spec. */
  readonly changed?: Readonly<Record<string, unknown>>;
  /** Instead of the experiment's own load. */
  readonly traffic?: "none" | "little" | "not as split";
}

export interface Expected {
  readonly outcome: "promoted" | "rolled back" | "inconclusive";
  /** The gate, or for what is inconclusive the reason; of a promotion any. */
  readonly because?: string;
  /** How many of the runs may end otherwise. */
  readonly mostOthers?: number;
}

const THREE = 3;

function rolledBack(experiment: string, because: string): Planned {
  return { name: experiment, experiment, runs: THREE, expected: { outcome: "rolled back", because } };
}

/** Two steps as the two rows of the power tables ask for one. */
const only = (stable: number, each: number, seconds: number) => ({
  steps: [{ weights: { stable, baseline: each, canary: each }, minTime: `${seconds}s`, minRequests: 200 }],
  longestTime: "10m",
});

export const CAMPAIGN: readonly Planned[] = [
  rolledBack("errors", "failures"),
  rolledBack("slow", "latency-p50"),
  rolledBack("slow-tail", "latency-p99"),
  rolledBack("leak", "memory"),
  rolledBack("slow-start", "start"),
  rolledBack("retry-amplifier", "calls"),
  rolledBack("declined-cards", "cancelled-orders"),
  rolledBack("wrong-totals", "order-total"),
  rolledBack("kept-stock", "stock-released"),
  rolledBack("double-publish", "one-event"),
  rolledBack("bad-event", "dead-letters"),
  {
    name: "1 % → 5 % at 80/10/10",
    experiment: "errors",
    runs: 5,
    stable: "errors=1%:INTERNAL",
    changed: { canary: { version: "v2", behaviour: "errors=5%:INTERNAL" }, ...only(80, 10, 60) },
    expected: { outcome: "rolled back", because: "failures" },
  },
  {
    name: "1 % → 2 % at 0/50/50",
    experiment: "errors",
    runs: 5,
    stable: "errors=1%:INTERNAL",
    changed: { canary: { version: "v2", behaviour: "errors=2%:INTERNAL" }, ...only(0, 50, 60) },
    // At 80 % power within the time, one of five may be missed.
    expected: { outcome: "rolled back", because: "failures", mostOthers: 1 },
  },
  { name: "good", experiment: "good", runs: THREE, expected: { outcome: "promoted" } },
  {
    name: "no traffic",
    experiment: "good",
    runs: 1,
    traffic: "none",
    changed: { longestTime: "60s", load: undefined },
    expected: { outcome: "inconclusive", because: "no-traffic" },
  },
  {
    name: "too little traffic",
    experiment: "good",
    runs: 1,
    traffic: "little",
    changed: { longestTime: "60s", load: undefined },
    expected: { outcome: "inconclusive", because: "too-little-traffic" },
  },
  {
    name: "split not as requested",
    experiment: "good",
    runs: 1,
    traffic: "not as split",
    expected: { outcome: "inconclusive", because: "split-not-as-requested" },
  },
  { name: "a-a", experiment: "a-a", runs: 20, expected: { outcome: "promoted", mostOthers: 20 } },
];

/** Of a hundred runs of equal versions five may be rolled back; of these twenty so many. */
export const MOST_FALSE_ALARMS = 2;
