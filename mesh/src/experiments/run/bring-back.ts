/** What a run leaves to be taken back, by how far it came, and how it is: weights first, since people wait. Pure but for its stage. */
import type { Phase } from "./phase.ts";
import type { RunRecord } from "./run-record.ts";
import type { Stage } from "./stage.ts";

export type WayBack = Pick<Stage, "restore" | "undeploy">;

export interface BackStep {
  readonly phase: Phase;
  readonly act: (stage: WayBack) => Promise<void>;
}

/** Each is safe where there is nothing to take back. None before anything was changed, and none once all of it is back or promoted. */
export function stepsBack({ phase, arms, before }: Pick<RunRecord, "phase" | "arms" | "before">): BackStep[] {
  const { service, canary, baseline } = arms;
  const steps: BackStep[] = [];
  if (phase === "prepare" || phase === "conclude" || phase === "over") return steps;
  if (!BEFORE_WEIGHTS.has(phase)) steps.push({ phase: "restore", act: (stage) => stage.restore(service, before) });
  if (phase !== "deploy-baseline")
    steps.push({ phase: "undeploy-canary", act: (stage) => stage.undeploy(service, canary) });
  steps.push({ phase: "undeploy-baseline", act: (stage) => stage.undeploy(service, baseline) });
  return steps;
}

/** While these go on, calls are shared as they were before. */
const BEFORE_WEIGHTS: ReadonlySet<Phase> = new Set(["deploy-baseline", "deploy-canary", "measure", "open"]);
