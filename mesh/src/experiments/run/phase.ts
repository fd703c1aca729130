/** What a run is doing, in the order in which it does it, and what is changed while it does. Pure: it only computes. */

export const PHASES = [
  "prepare",
  "deploy-baseline",
  "deploy-canary",
  "measure",
  "open",
  // The weights of each step move in a phase of their own.
  "weigh-1",
  "compare",
  "promote",
  "restore",
  "undeploy-canary",
  "undeploy-baseline",
  "conclude",
  "over",
] as const;

export type Phase = Named | `weigh-${number}`;

type Named = Exclude<(typeof PHASES)[number], `weigh-${number}`>;

/** "compares catalog v2 with v1-baseline" */
export function doing(phase: Phase): string {
  return phase.startsWith("weigh-")
    ? `moves the weights to step ${phase.slice("weigh-".length)}`
    : DOING[phase as Named];
}

const DOING: Readonly<Record<Named, string>> = {
  prepare: "prepares, and has changed nothing yet",
  "deploy-baseline": "deploys the baseline",
  "deploy-canary": "deploys the canary",
  measure: "measures stable, and whether this machine can send the load",
  open: "begins to count",
  compare: "compares the canary with the baseline",
  promote: "gives the canary all calls",
  restore: "brings back the weights of before",
  "undeploy-canary": "takes the canary away",
  "undeploy-baseline": "takes the baseline away",
  conclude: "writes its result",
  over: "is over",
};
