/** What a run will do where the service runs now, or why it cannot begin. Pure: it only computes. */
import { RowError } from "@row/topology/row-error.ts";
import type { JudgeRule } from "../../judge/rule.ts";
import { type RuleSplit, versionsIn } from "../../policy/traffic-split.ts";
import type { Experiment } from "../experiment.ts";
import { judgeRuleOf } from "../judge-rule.ts";
import type { KnownService } from "../metrics.ts";
import type { Arms } from "./observation.ts";
import type { Version, Weighed } from "./stage.ts";

/** What there is of the service before anything is changed. */
export interface Standing {
  readonly deployments: readonly Deployed[];
  readonly splits: readonly RuleSplit[];
  /** Rules that send marked calls to one version. */
  readonly pinned: readonly RuleSplit[];
  /** What versions of the service misbehave by, by version. */
  readonly behaviours: Readonly<Record<string, readonly string[]>>;
}

export interface Deployed {
  readonly version: string;
  readonly replicas: number;
  /** The folder or the git reference of its code; the shop's own when absent. */
  readonly asked?: string;
}

export interface RunPlan {
  readonly experiment: Experiment;
  readonly rule: JudgeRule;
  readonly arms: Arms;
  readonly baseline: Version;
  readonly canary: Version;
  readonly before: readonly RuleSplit[];
}

/** Names of versions are no longer. */
const LONGEST_NAME = 12;

/** @throws RowError where the run would not be what the file says */
export function planRun(experiment: Experiment, known: KnownService, standing: Standing): RunPlan {
  const { service, stable, canary } = experiment.spec;
  const baseline = baselineOf(stable.version);
  const arms: Arms = { service, stable: stable.version, baseline, canary: canary.version };
  const refuse = (why: string): never => {
    throw new RowError(`Cannot run ${experiment.metadata.name}: ${why}`);
  };
  if (canary.image !== undefined) refuse("spec.canary.image is for a cluster; write folder or gitRef");
  const running = standing.deployments.find(({ version }) => version === arms.stable);
  if (!running || running.replicas === 0) {
    const there = standing.deployments.map(({ version }) => version).join(", ");
    return refuse(`spec.stable.version: ${service} ${arms.stable} does not run, there are ${there}`);
  }
  for (const version of [baseline, arms.canary]) {
    if (!standing.deployments.some((deployed) => deployed.version === version)) continue;
    refuse(
      `${service} ${version} is deployed already, and the run brings its own; end it with \`npx row undeploy ${service} --version ${version}\``,
    );
  }
  const shared = standing.splits.find((split) => versionsIn([split]).join() !== arms.stable);
  if (shared) {
    refuse(
      `calls to ${service} are shared, ${text(shared.weights)} in ${shared.route}; give ${arms.stable} all of them with \`npx row split ${service} ${arms.stable}=100\``,
    );
  }
  const marked = standing.pinned.find(({ weights }) => weights.some(({ version }) => version === arms.canary));
  if (marked)
    refuse(`GRPCRoute ${marked.route} sends marked calls to ${arms.canary}; delete or change that route first`);
  const from = canary.folder ?? canary.gitRef;
  return {
    experiment,
    arms,
    rule: judgeRuleOf(experiment, known),
    before: standing.splits,
    // A fresh instance of what stable is, its code and whatever it misbehaves by.
    baseline: {
      service,
      version: baseline,
      behaviours: standing.behaviours[arms.stable] ?? [],
      ...(running.asked !== undefined && { from: running.asked }),
    },
    canary: {
      service,
      version: arms.canary,
      behaviours: canary.behaviour === undefined ? [] : [canary.behaviour],
      ...(from !== undefined && { from }),
    },
  };
}

/** "v1-baseline" */
export function baselineOf(stable: string): string {
  const name = `${stable}-baseline`;
  return name.length <= LONGEST_NAME ? name : "baseline";
}

/** The weights of a step by version. */
export function weighed({ rule, arms }: Pick<RunPlan, "rule" | "arms">, step: number): Weighed {
  const weights = rule.steps[step]?.weights;
  if (!weights) throw new RangeError(`There is no step ${step}`);
  return { [arms.stable]: weights.stable, [arms.baseline]: weights.baseline, [arms.canary]: weights.canary };
}

function text(weights: RuleSplit["weights"]): string {
  return weights.map(({ version, weight }) => `${version}=${weight}`).join(" ");
}
