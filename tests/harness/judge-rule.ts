/** What a judge is told in tests that are about something else: one gate, one step, at once. */
import type { Gate, JudgeRule } from "@row/mesh/judge/rule.ts";

export const FAILURES: Gate = {
  name: "failures",
  title: "failed requests",
  unit: "requests",
  kind: "proportion",
  share: 1,
  riskRatio: 2,
  ceiling: 0.01,
  decides: true,
};

export const RULE: JudgeRule = {
  service: "catalog",
  versions: { stable: "v1", canary: "v2" },
  alpha: 0.05,
  beta: 0.05,
  steps: [{ weights: { stable: 80, baseline: 10, canary: 10 }, minRequests: 0, minSeconds: 0 }],
  warmUpSeconds: 0,
  longestSeconds: 60,
  gates: [FAILURES],
  invariants: {},
};
