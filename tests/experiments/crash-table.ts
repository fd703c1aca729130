/** Every point at which the runner of an experiment is made to die, and the canary that brings it there. */
import type { Phase } from "@row/mesh/experiments/run/phase.ts";

export interface RunnerCrash {
  /** As CRASH_AT names it. */
  readonly point: string;
  readonly canary: "good" | "harmful";
}

const when = (canary: RunnerCrash["canary"], times: readonly ("before" | "after")[], ...phases: Phase[]) =>
  phases.flatMap((phase) => times.map((time) => ({ point: `experiment.${time}-${phase}`, canary })));

/** "before": it is written down and not done; "after": it is done, and nothing else is written down. */
export const RUNNER_CRASHES: readonly RunnerCrash[] = [
  // Nothing is changed in these.
  ...when("good", ["before"], "prepare", "measure", "open", "compare"),
  ...when("good", ["before", "after"], "deploy-baseline", "deploy-canary", "weigh-1", "weigh-2", "promote"),
  ...when("harmful", ["before", "after"], "restore", "undeploy-canary", "undeploy-baseline", "conclude"),
  ...when("harmful", ["before"], "over"),
];
