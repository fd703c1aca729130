/** The steps of an experiment: weights that only go towards the canary. Pure: it only computes. */
import { total } from "../judge/arms.ts";
import type { Step } from "../judge/rule.ts";
import type { Fields } from "../resources/fields.ts";
import { readSeconds } from "./values.ts";

const WEIGHT = { from: 0, to: 100, wanted: "a whole number from 0 to 100" };
const MOST_STEPS = 20;

export function readSteps(spec: Fields): Step[] {
  const limits = { min: 1, max: MOST_STEPS, wanted: "at least one step with weights" };
  const steps = spec.each("steps", readStep, limits);
  for (const [index, { weights }] of steps.entries()) {
    const before = steps[index - 1]?.weights.canary ?? 0;
    if (weights.canary >= before) continue;
    const state = `it falls from ${before} to ${weights.canary}`;
    spec.problem(
      ["steps", index, "weights", "canary"],
      state,
      "write weights that stay or rise: a verdict takes the canary back",
    );
  }
  return steps;
}

function readStep(step: Fields): Step {
  const weights = step.object("weights");
  const read = {
    stable: weights.integer("stable", WEIGHT),
    baseline: weights.integer("baseline", WEIGHT),
    canary: weights.integer("canary", WEIGHT),
  };
  const sum = total(read);
  if (sum !== 100) step.problem("weights", `they add up to ${sum}`, "write weights that add up to 100");
  if (read.canary === 0 || read.baseline !== read.canary) {
    const state = `baseline has ${read.baseline} and canary ${read.canary}`;
    step.problem("weights", state, "give both the same, above 0: they are compared with each other");
  }
  return {
    weights: read,
    minRequests: step.integer("minRequests", { from: 0, to: 1e9, wanted: "a whole number", fallback: 0 }),
    minSeconds: readSeconds(step, "minTime", { from: 0, to: 24 * 3_600, fallback: 0 }),
  };
}
