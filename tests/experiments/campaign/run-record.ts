/** What the campaign keeps of a run, and whether it is as it must be. */
import { CAMPAIGN, MOST_FALSE_ALARMS, type Planned } from "./plan.ts";

export interface KeptRun {
  readonly name: string;
  readonly seed: number;
  readonly startedTime: string;
  readonly outcome: string;
  readonly reason: string;
  readonly gate?: string;
  readonly sentence: string;
  /** From when the canary got its first share. */
  readonly secondsToVerdict: number;
  /** Attempts that the canary served. */
  readonly canaryRequests: number;
  /** Requests of the experiment's own load, and those that its senders saw fail. */
  readonly sent?: { readonly requests: number; readonly failed: number };
  /** Why the run could not be made or left something behind, where that is so. */
  readonly trouble?: string;
}

export interface Summed {
  readonly name: string;
  readonly runs: number;
  readonly asExpected: number;
  readonly isFine: boolean;
  readonly medianSeconds: number;
  readonly medianCanaryRequests: number;
  readonly failedOfSent: number;
}

/** Of those that were run. */
export function summed(runs: readonly KeptRun[], plan: readonly Planned[] = CAMPAIGN): Summed[] {
  return plan.flatMap((planned) => {
    const own = runs.filter(({ name }) => name === planned.name);
    if (own.length === 0) return [];
    const asExpected = own.filter((run) => isAsExpected(planned, run)).length;
    const falseAlarms = own.filter(({ outcome }) => outcome === "rolled back").length;
    const others = own.length - asExpected;
    const isQuiet = planned.expected.outcome !== "promoted" || falseAlarms <= MOST_FALSE_ALARMS;
    const isWhole = own.every(({ trouble }) => trouble === undefined);
    return [
      {
        name: planned.name,
        runs: own.length,
        asExpected,
        isFine: others <= (planned.expected.mostOthers ?? 0) && isQuiet && isWhole,
        medianSeconds: median(own.map(({ secondsToVerdict }) => secondsToVerdict)),
        medianCanaryRequests: median(own.map(({ canaryRequests }) => canaryRequests)),
        failedOfSent: own.reduce((sum, { sent }) => sum + (sent?.failed ?? 0), 0),
      },
    ];
  });
}

function isAsExpected({ expected }: Planned, { outcome, reason, gate }: KeptRun): boolean {
  if (outcome !== expected.outcome) return false;
  if (expected.because === undefined) return true;
  return expected.because === (outcome === "inconclusive" ? reason : gate);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
