/** Pure: what a comparison with another commit came to, in lines, and whether anything got worse. */
import { markdownTable } from "../report/markdown-table.ts";
import type { Interval } from "./interval.ts";
import type { Versus } from "./versus.ts";

/** Rates may not fall below this share at the interval's lower end. */
const LOWEST_RATE = 0.95;
/** CPU time a request may not grow beyond this at the interval's middle. */
const HIGHEST_CPU = 1.05;

export interface Verdict {
  readonly text: string;
  /** What got worse, a sentence each; empty when nothing did. */
  readonly worse: readonly string[];
}

export function verdictOn(result: Versus): Verdict {
  const rows: string[][] = [];
  const worse: string[] = [];
  for (const [what, { perSecond, cpu, errors }] of [
    ["reading a product", result.reading],
    ["placing an order", result.ordering],
  ] as const) {
    rows.push([what, written(perSecond), written(cpu)]);
    if (perSecond.low < LOWEST_RATE)
      worse.push(`${what}: the rate may be ${perSecond.low.toFixed(2)}×, below ${LOWEST_RATE}×`);
    if (cpu.mean > HIGHEST_CPU)
      worse.push(`${what}: CPU time a request is ${cpu.mean.toFixed(2)}×, above ${HIGHEST_CPU}×`);
    for (const [failure, times] of Object.entries(errors)) worse.push(`${what}: ${failure} (${times} times)`);
  }
  const { ours, theirs } = result.memory;
  const memory = Object.entries(ours).map(([name, megabytes]) => [
    name,
    megabytes.toFixed(0),
    theirs[name]?.toFixed(0) ?? "",
  ]);
  const text = [
    `This code, of ${result.ref}'s (${result.plan.rounds} rounds of ${result.plan.roundSeconds} s, mean and 95 % interval)`,
    markdownTable(["", "requests/s", "CPU a request"], rows),
    markdownTable(["PSS at rest, MB", "this code", result.ref], memory),
  ].join("\n\n");
  return { text, worse };
}

function written({ mean, low, high }: Interval): string {
  return `${mean.toFixed(2)}× (${low.toFixed(2)}–${high.toFixed(2)})`;
}
