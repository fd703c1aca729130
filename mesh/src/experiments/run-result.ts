/** What a run found, computed from its counts and nothing else: the same counts give the same result. Pure: it only computes. */

import { added, type ByArm, NO_REQUESTS } from "../judge/arms.ts";
import { feed, newJudge } from "../judge/judge.ts";
import type { SecondCounts } from "../judge/second-counts.ts";
import { type Summary, summaryOf } from "../judge/summary.ts";
import type { RecordedRun } from "./counts-file.ts";

export const RESULT_FORMAT = "canary-row.dev/result/v1alpha1";

export interface RunResult extends Summary {
  readonly format: typeof RESULT_FORMAT;
  readonly experiment: string;
  readonly service: string;
  readonly versions: { readonly stable: string; readonly canary: string };
  readonly requests: ByArm;
}

/** What the judge knew after each second, up to the verdict, and its result. */
export interface JudgedRun {
  readonly result: RunResult;
  readonly history: readonly { readonly counts: SecondCounts; readonly summary: Summary }[];
}

export function judgeRun({ experiment, rule, seconds }: RecordedRun): JudgedRun {
  let state = newJudge(rule);
  const history: { counts: SecondCounts; summary: Summary }[] = [];
  let requests = NO_REQUESTS;
  for (const counts of seconds) {
    if (state.verdict) break;
    state = feed(rule, state, counts);
    history.push({ counts, summary: summaryOf(rule, state) });
    requests = added(requests, counts.requests);
  }
  const { service, versions } = rule;
  const described = { format: RESULT_FORMAT, experiment, service, versions, requests } as const;
  return { result: { ...described, ...summaryOf(rule, state) }, history };
}

/** How far E may differ between two machines' arithmetic. */
const TOLERANCE = 1e-9;

/** What differs between the result that was kept and the one computed again, in words; nothing when they agree. */
export function differences(kept: RunResult, again: RunResult): string[] {
  const found: string[] = [];
  const [was, is] = [kept.verdict?.outcome ?? "none", again.verdict?.outcome ?? "none"];
  if (was !== is) found.push(`the verdict was ${was} and is ${is}`);
  if (kept.verdict?.gate !== again.verdict?.gate)
    found.push(`the gate was ${kept.verdict?.gate ?? "none"} and is ${again.verdict?.gate ?? "none"}`);
  const compare = (name: string, one: number | undefined, other: number | undefined) => {
    if (one === undefined || other === undefined || Math.abs(Math.expm1(one - other)) > TOLERANCE)
      found.push(`E of ${name} was e^${one} and is e^${other}`);
  };
  compare("all gates", kept.logE, again.logE);
  for (const { name, logE } of again.gates) compare(name, kept.gates.find((gate) => gate.name === name)?.logE, logE);
  return found;
}
