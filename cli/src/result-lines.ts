/** How the result of an experiment is shown. */
import type { RunResult } from "@row/mesh/experiments/run-result.ts";
import type { GateSummary } from "@row/mesh/judge/summary.ts";
import { figure } from "@row/mesh/judge/verdict.ts";
import type { Counts } from "@row/mesh/judge/window-factor.ts";
import { table } from "./table.ts";

/** The verdict, and for each gate both versions' numbers, the interval and the evidence on its way to each line. */
export function resultText({ verdict, gates, lines, logE, seconds }: RunResult): string {
  const sentence = verdict?.sentence ?? `No verdict after ${seconds} s`;
  const rows = gates.map((gate) => [
    gate.name,
    amount(gate, gate.baseline),
    amount(gate, gate.canary),
    interval(gate),
    figure(Math.exp(gate.logE)),
    gate.decides ? figure(Math.exp(gate.logPromotion)) : "-",
  ]);
  const all = ["all gates", "", "", "", figure(Math.exp(logE)), ""];
  const needed = ["needed", "", "", "", figure(Math.exp(lines.rollBack)), `${figure(Math.exp(lines.promote))} each`];
  return [sentence, "", ...table([HEADER, ...rows, all, needed])].join("\n");
}

const HEADER = ["GATE", "BASELINE", "CANARY", "TIMES AS MUCH", "TO ROLL BACK", "TO PROMOTE"];

function amount({ kind }: GateSummary, { total, failed }: Counts): string {
  return `${failed} ${kind === "rate" ? "in" : "of"} ${total}`;
}

function interval({ riskRatioInterval: { from, to } }: GateSummary): string {
  if (to === undefined) return from === 0 ? "any" : `${figure(from)} or more`;
  return `${figure(from)} to ${figure(to)}`;
}
