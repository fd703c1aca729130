import type { LoadResult } from "../load/load-job.ts";
import { ProcessWatch, type Usage, type Watched } from "./process-watch.ts";
import { median } from "./quantile.ts";

/** One load, and what each process used for it. */
export interface Round extends LoadResult {
  processes: Record<string, Usage>;
}

/** Runs a load and watches. */
export async function measureRound(watched: readonly Watched[], load: () => Promise<LoadResult>): Promise<Round> {
  const watch = new ProcessWatch(watched);
  try {
    const result = await load();
    return { ...result, processes: watch.usage() };
  } finally {
    watch.stop();
  }
}

/** The middle of several rounds. */
export interface Summary {
  requests: number;
  perSecond: number;
  p50: number;
  p99: number;
  errors: Record<string, number>;
  /** CPU seconds for 1,000 requests, and the highest PSS, by process. */
  processes: Record<string, { cpuPerThousand: number; peakPssMegabytes: number }>;
  /** CPU seconds for 1,000 requests of all processes but the load generator. */
  cpuPerThousand: number;
  /** Requests a second of each round, to show the noise. */
  rounds: number[];
}

/** Sums up rounds: medians, all errors, the highest memory. `generator` names the process that made the load. */
export function summarise(rounds: readonly Round[], generator: string): Summary {
  const names = Object.keys(rounds[0]?.processes ?? {});
  const perThousand = (round: Round, name: string) =>
    round.requests > 0 ? ((round.processes[name]?.cpuSeconds ?? 0) / round.requests) * 1_000 : 0;
  const ofStack = names.filter((name) => name !== generator);
  return {
    requests: rounds.reduce((sum, round) => sum + round.requests, 0),
    perSecond: median(rounds.map((round) => round.perSecond)),
    p50: median(rounds.map((round) => round.p50)),
    p99: median(rounds.map((round) => round.p99)),
    errors: addErrors(rounds),
    processes: Object.fromEntries(
      names.map((name) => [
        name,
        {
          cpuPerThousand: median(rounds.map((round) => perThousand(round, name))),
          peakPssMegabytes: Math.max(...rounds.map((round) => round.processes[name]?.peakPssMegabytes ?? 0)),
        },
      ]),
    ),
    cpuPerThousand: median(rounds.map((round) => ofStack.reduce((sum, name) => sum + perThousand(round, name), 0))),
    rounds: rounds.map((round) => round.perSecond),
  };
}

function addErrors(rounds: readonly Round[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { errors } of rounds) {
    for (const [failure, times] of Object.entries(errors)) sum[failure] = (sum[failure] ?? 0) + times;
  }
  return sum;
}
