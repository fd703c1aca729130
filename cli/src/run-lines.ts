/** How a run of an experiment is shown while it goes on, in lines. */
import type { RunPlan } from "@row/mesh/experiments/run/run-plan.ts";
import { weighed } from "@row/mesh/experiments/run/run-plan.ts";
import type { SecondSeen, Version } from "@row/mesh/experiments/run/stage.ts";
import { inOrder } from "@row/mesh/judge/arms.ts";
import { figure } from "@row/mesh/judge/verdict.ts";
import { lesser } from "./colours.ts";

/** What the columns of the seconds are. */
export function legend({ arms, rule }: Pick<RunPlan, "arms" | "rule">): string {
  const [rollBack, promote] = [1 / rule.alpha, 1 / rule.beta].map(figure);
  return lesser(
    [
      `A line a second: weights and requests of ${arms.stable}/${arms.baseline}/${arms.canary}, then the evidence of each gate against the canary and, behind |, for it.`,
      `Rolled back when all of it together reaches ${rollBack}, promoted when each gate reaches ${promote} in the last step.`,
    ].join("\n"),
  );
}

/** "12 s  80/10/10  163/20/19  all 1.1  failures 1.2|3.4" */
export function secondText({ counts, weights, summary }: SecondSeen): string {
  const { requests } = counts;
  const gates = summary.gates.map(({ name, logE, logPromotion, decides }) => {
    const against = figure(Math.exp(logE));
    return `${name} ${against}${decides ? `|${figure(Math.exp(logPromotion))}` : ""}`;
  });
  return [
    `${counts.second + 1} s`.padStart(6),
    inOrder(weights).padEnd(8),
    inOrder(requests).padEnd(11),
    `all ${figure(Math.exp(summary.logE))}`,
    ...gates,
  ].join("  ");
}

/** What a run would do, with the commands that would do the same. */
export function planText(plan: RunPlan): string {
  const { arms, rule, experiment } = plan;
  const { service, stable, canary } = arms;
  const { load } = experiment.spec;
  const split = (weights: Readonly<Record<string, number>>) =>
    `npx row split ${service} ${Object.entries(weights)
      .map(([version, weight]) => `${version}=${weight}`)
      .join(" ")}`;
  const steps = rule.steps.map(({ minSeconds, minRequests }, index) => {
    const least = [
      minSeconds > 0 ? `${minSeconds} s` : "",
      minRequests > 0 ? `${minRequests} requests of the canary` : "",
    ];
    const until = least.filter(Boolean).join(" and ");
    return ["weights", `${split(weighed(plan, index))}${until ? `   for at least ${until}` : ""}`];
  });
  const rows = [
    ["baseline", deployText(plan.baseline)],
    ["canary", deployText(plan.canary)],
    ["load", load ? `npx row load --mix ${load.mix} --rate ${load.rate}` : "none: the traffic that is there is judged"],
    ...steps,
    ["judge", `${rule.gates.map(({ name }) => name).join(", ")}; for ${rule.longestSeconds} s at the longest`],
    [
      "promoted",
      `${split({ [canary]: 100, [stable]: 0 })}; ${stable} goes on without calls, so that one command goes back`,
    ],
    ["otherwise", `the weights of before, ${undeployText(plan.baseline)}; ${undeployText(plan.canary)}`],
  ];
  return rows.map(([what = "", command]) => `${what.padEnd(10)}${command}`).join("\n");
}

function deployText({ service, version, behaviours, from }: Version): string {
  const more = [from && `--from ${from}`, behaviours.length > 0 && `--behaviour ${behaviours.join(" ")}`];
  return [`npx row deploy ${service} --version ${version}`, ...more.filter(Boolean)].join(" ");
}

function undeployText({ service, version }: Version): string {
  return `npx row undeploy ${service} --version ${version}`;
}
