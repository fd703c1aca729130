/** One picture of a run that goes on: its requests, how they are shared, and the evidence on its way to each line. Pure: it only computes. */
import { wilson } from "@row/mesh/experiments/report/wilson.ts";
import type { Arms } from "@row/mesh/experiments/run/observation.ts";
import type { SecondSeen } from "@row/mesh/experiments/run/stage.ts";
import { ARMS, type ByArm, total } from "@row/mesh/judge/arms.ts";
import type { GateSummary, Summary } from "@row/mesh/judge/summary.ts";
import { figure } from "@row/mesh/judge/verdict.ts";
import { table } from "../table.ts";
import { cut } from "../terminal.ts";
import { LETTERS, type Paint, type RequestGrid, SIGNS } from "./request-grid.ts";

export interface Picture {
  readonly run: string;
  readonly arms: Arms;
  /** "compares the canary with the baseline" */
  readonly doing: string;
  readonly grid: RequestGrid;
  /** Absent before the first. */
  readonly second?: SecondSeen;
  /** Requests in this step, without the second in which the weights moved. */
  readonly requests: ByArm;
}

const BAR = 16;
/** What is not the grid, with a gate on each line. */
const OTHER_LINES = 11;
const LEAST_ROWS = 2;
const MOST_ROWS = 12;

export function frame(picture: Picture, width: number, height: number, paint: Paint): string[] {
  const { run, arms, doing, grid, second } = picture;
  const gates = second?.summary.gates ?? [];
  const room = height - OTHER_LINES - gates.length;
  const rows = Math.min(MOST_ROWS, Math.max(LEAST_ROWS, room));
  const since = second ? `, ${second.counts.second + 1} s` : "";
  const lines = [
    `${run}: ${arms.service} ${arms.canary} against ${arms.baseline}${since}; it ${doing}`,
    "",
    ...grid.rows(width, rows, paint),
    `${ARMS.map((arm) => paint(arm, `${LETTERS[arm]} ${arms[arm]}`)).join("  ")}   ${SIGNS.well} answered  ${SIGNS.refused} refused  ${SIGNS.failed} failed; each one request`,
    "",
    ...(second ? [...shares(picture, second, paint), "", ...evidence(second.summary)] : []),
  ];
  return lines.map((line) => cut(line, width)).slice(0, height);
}

function shares({ arms, requests }: Picture, { weights }: SecondSeen, paint: Paint): string[] {
  const [all, asked] = [total(requests), total(weights)];
  const rows = ARMS.map((arm) => {
    const { from, to } = wilson(requests[arm], Math.max(1, all));
    const seen = all > 0 ? `${percent(requests[arm] / all)}, ${percent(from)} to ${percent(to)}` : "-";
    return [paint(arm, arms[arm]), percent(weights[arm] / asked), seen, String(requests[arm])];
  });
  return table([["VERSION", "ASKED", "SEEN, 95 % INTERVAL", "REQUESTS IN THIS STEP"], ...rows]);
}

function evidence({ gates, lines, logE }: Summary): string[] {
  const rows = gates.map((gate) => [
    gate.name,
    rates(gate),
    `${bar(gate.logE, lines.rollBack)} ${figure(Math.exp(gate.logE))}`,
    gate.decides ? `${bar(gate.logPromotion, lines.promote)} ${figure(Math.exp(gate.logPromotion))}` : "-",
  ]);
  const all = ["all gates", "", `${bar(logE, lines.rollBack)} ${figure(Math.exp(logE))}`, ""];
  const [rollBack, promote] = [lines.rollBack, lines.promote].map((line) => figure(Math.exp(line)));
  return table([["GATE", "CANARY, BASELINE", `TO ROLL BACK (${rollBack})`, `TO PROMOTE (${promote})`], ...rows, all]);
}

function rates({ kind, canary, baseline }: GateSummary): string {
  return [canary, baseline]
    .map(({ failed, total }) =>
      total === 0 ? "-" : kind === "rate" ? (failed / total).toFixed(2) : percent(failed / total),
    )
    .join(", ");
}

/** How far evidence has come from 1 towards its line, by its logarithm. */
function bar(log: number, line: number): string {
  const filled = Math.max(0, Math.min(BAR, Math.floor((log / line) * BAR)));
  return `[${"=".repeat(filled)}${" ".repeat(BAR - filled)}]`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}
