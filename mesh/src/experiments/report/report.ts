/** The report of a run: one HTML file that needs nothing else, made from the run's counts. Pure: it only computes. */
import type { JudgeRule, Step } from "../../judge/rule.ts";
import type { GateSummary } from "../../judge/summary.ts";
import { figure, type Verdict } from "../../judge/verdict.ts";
import type { Counts } from "../../judge/window-factor.ts";
import type { RecordedRun } from "../counts-file.ts";
import { judgeRun, type RunResult } from "../run-result.ts";
import { chartsOf } from "./charts.ts";
import { data, escapeHtml, percent, whole } from "./html.ts";
import { STYLE } from "./style.ts";
import { wilson } from "./wilson.ts";

/** Signs that are told apart without colour. */
const SIGN: Readonly<Record<Verdict["outcome"], string>> = { promoted: "✓", "rolled back": "✕", inconclusive: "?" };

export function reportOf(run: RecordedRun): string {
  const judged = judgeRun(run);
  const { result } = judged;
  const { rule } = run;
  const title = `${run.experiment}: ${rule.service} ${rule.versions.canary} against ${rule.versions.stable}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="soft">A canary experiment of ${data(result.seconds, `${whole(result.seconds)} s`)}</p>
</header>
<main>
${verdictOf(result)}
<h2>What was asked</h2>
${askedOf(rule)}
<h2>Both versions, gate by gate</h2>
${gatesOf(rule, result)}
<h2>Over time</h2>
<div class="charts">
${chartsOf(rule, judged)}
</div>
${examplesOf(result)}
</main>
<footer>
<h2>How to read it</h2>
<p>Evidence starts at 1 and grows or falls with every second. What is on its way up towards the line that rolls back speaks against the canary; each line may be looked at all the time.
“Times as much” is the ratio of the odds, of canary against baseline: all ratios that the evidence does not reject, valid whenever one looks. The ranges behind the shares are Wilson's and hold for one look. Without traffic nothing moves.</p>
</footer>
</body>
</html>
`;
}

function verdictOf({ verdict, seconds, requests }: RunResult): string {
  const outcome = verdict ? `${SIGN[verdict.outcome]} ${verdict.outcome}` : "… no verdict yet";
  const sentence = verdict?.sentence ?? `No verdict after ${seconds} s`;
  const { stable, baseline, canary } = requests;
  return `<div class="verdict"><strong>${escapeHtml(outcome)}</strong><p>${escapeHtml(sentence)}</p></div>
<p>Requests: stable ${data(stable, whole(stable))}, baseline ${data(baseline, whole(baseline))}, canary ${data(canary, whole(canary))}.</p>`;
}

function askedOf(rule: JudgeRule): string {
  const limits = [
    rule.memory && `memory: at most ${rule.memory.megabytesPerMinute} MB/min more than the baseline`,
    rule.cpu && `processor time: at most ${rule.cpu.ratio} times as much a request`,
    rule.start && `start: at most ${rule.start.ratio} times as long`,
  ].filter((limit) => limit !== undefined);
  const rows: readonly (readonly [term: string, text: string])[] = [
    ["Weights", rule.steps.map(stepOf).join(", then ")],
    ["Times", `the first ${rule.warmUpSeconds} s are left out; ${rule.longestSeconds} s at most`],
    [
      "May be wrong",
      `rolls a good canary back at most ${percent(rule.alpha)} of the time, promotes a harmful one at most ${percent(rule.beta)} at each gate`,
    ],
    ["Limits", limits.join("; ") || "none"],
    ["Must always hold", Object.values(rule.invariants).join("; ") || "nothing was watched"],
  ];
  return `<dl>${rows.map(([term, text]) => `<dt>${term}</dt><dd>${escapeHtml(text)}</dd>`).join("\n")}</dl>`;
}

function stepOf({ weights, minSeconds, minRequests }: Step): string {
  return `${weights.stable}/${weights.baseline}/${weights.canary} for ${minSeconds} s and ${whole(minRequests)} requests of the canary`;
}

function gatesOf({ versions }: JudgeRule, { gates, logE, lines, verdict }: RunResult): string {
  const columns = [
    `Baseline ${versions.stable}`,
    `Canary ${versions.canary}`,
    "Times as much",
    "To roll back",
    "To promote",
  ];
  const heads = ["Gate", ...columns].map((column) => `<th scope="col">${escapeHtml(column)}</th>`).join("");
  const rowOf = (name: string, cells: readonly string[], isDecided: boolean) => {
    const labelled = cells.map((cell, index) =>
      cell === "" ? "<td></td>" : `<td data-label="${escapeHtml(columns[index] ?? "")}">${cell}</td>`,
    );
    return `<tr${isDecided ? ' class="decided"' : ""}><th scope="row">${escapeHtml(name)}</th>${labelled.join("")}</tr>`;
  };
  const rows = gates.map((gate) =>
    rowOf(
      gate.name,
      [
        amountOf(gate, gate.baseline),
        amountOf(gate, gate.canary),
        ratioOf(gate),
        evidenceOf(gate.logE),
        gate.decides ? evidenceOf(gate.logPromotion) : "only rolls back",
      ],
      gate.name === verdict?.gate,
    ),
  );
  const needed = [
    "",
    "",
    "",
    `${evidenceOf(logE)} of ${evidenceOf(lines.rollBack)}`,
    `each ${evidenceOf(lines.promote)}`,
  ];
  return `<div class="wide" tabindex="0"><table>
<thead><tr>${heads}</tr></thead>
<tbody>
${[...rows, rowOf("all gates", needed, false)].join("\n")}
</tbody>
</table></div>`;
}

function evidenceOf(logarithm: number): string {
  return data(logarithm, figure(Math.exp(logarithm)));
}

function amountOf({ kind, unit }: GateSummary, { total, failed }: Counts): string {
  if (total === 0) return `no ${unit}`;
  if (kind === "rate") {
    return `${data(failed, whole(failed))} in ${data(total, whole(total))} ${unit} <span class="range">${(failed / total).toFixed(2)} each</span>`;
  }
  const { from, to } = wilson(failed, total);
  const range = `${percent(failed / total)} (${(from * 100).toFixed(2)}–${(to * 100).toFixed(2)})`;
  return `${data(failed, whole(failed))} of ${data(total, whole(total))} ${unit} <span class="range">${range}</span>`;
}

function ratioOf({ riskRatioInterval: { from, to } }: GateSummary): string {
  if (to === undefined) return from === 0 ? "any" : `${data(from, figure(from))} or more`;
  return `${data(from, figure(from))} to ${data(to, figure(to))}`;
}

function examplesOf({ gates, verdict }: RunResult): string {
  const decided = verdict?.example === undefined ? [] : [{ name: verdict.gate ?? "verdict", example: verdict.example }];
  const others = gates.filter(({ example, name }) => example !== undefined && name !== verdict?.gate);
  const rows = [...decided, ...others].map(
    ({ name, example = "" }) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(example)}</dd>`,
  );
  return rows.length === 0 ? "" : `<h2>Examples</h2>\n<dl>${rows.join("\n")}</dl>`;
}
