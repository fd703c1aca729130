/** The curves of a run: evidence on its way to both lines, weights, requests and failures over time. Pure: it only computes. */
import type { JudgeRule } from "../../judge/rule.ts";
import type { SecondCounts } from "../../judge/second-counts.ts";
import { figure } from "../../judge/verdict.ts";
import type { JudgedRun } from "../run-result.ts";
import { type Chart, chartOf, type Series } from "./chart.ts";
import { percent, whole } from "./html.ts";

type History = JudgedRun["history"];

/** Versions look the same in every chart, and so do gates, which come after "all gates". */
const LOOK = { stable: 0, baseline: 1, canary: 2 } as const;

/** Seconds that a rate is a mean of. */
const SMOOTHED_S = 10;

export function chartsOf(rule: JudgeRule, { history }: JudgedRun): string {
  if (history.length === 0) return "<p>No second was counted.</p>";
  const { gate: decided } = history.at(-1)?.summary.verdict ?? {};
  const gate = rule.gates.find(({ name }) => name === decided) ?? rule.gates[0];
  const all = [
    evidenceToRollBack(rule, history),
    evidenceToPromote(rule, history),
    ...(gate ? [failures(rule, gate.name, gate.title, history)] : []),
    requests(rule, history),
    weights(rule, history),
  ];
  return all.map(chartOf).join("\n");
}

function evidenceToRollBack(rule: JudgeRule, history: History): Chart {
  const series: Series[] = [
    {
      label: "all gates",
      look: 0,
      isMain: true,
      points: history.map(({ counts, summary }) => point(counts, log10(summary.logE))),
    },
    ...rule.gates.map((_, index) => ({
      label: rule.gates[index]?.name ?? "",
      look: index + 1,
      points: history.map(({ counts, summary }) => point(counts, log10(summary.gates[index]?.logE ?? 0))),
    })),
  ];
  return evidence(rule, "Evidence that the canary is worse", "rolls back", -Math.log(rule.alpha), series, history);
}

function evidenceToPromote(rule: JudgeRule, history: History): Chart {
  const series = rule.gates.flatMap(({ name, decides }, index): Series[] => {
    const points = history.map(({ counts, summary }) => point(counts, log10(summary.gates[index]?.logPromotion ?? 0)));
    return decides ? [{ label: name, look: index + 1, points }] : [];
  });
  return evidence(rule, "Evidence that it is not worse", "promotes, every gate", -Math.log(rule.beta), series, history);
}

function evidence(
  rule: JudgeRule,
  title: string,
  does: string,
  logLine: number,
  series: readonly Series[],
  history: History,
): Chart {
  const line = log10(logLine);
  const highest = Math.max(line, ...series.flatMap(({ points }) => points.map(({ y }) => y)));
  const lowest = Math.min(0, ...series.flatMap(({ points }) => points.map(({ y }) => y)));
  const [from, to] = [Math.max(-4, Math.floor(lowest)), Math.min(6, Math.ceil(highest + 0.2))];
  const last = series.map(({ label, points }) => `${label} ${figure(10 ** (points.at(-1)?.y ?? 0))}`).join(", ");
  return {
    title,
    description: `${title}; the line at ${figure(10 ** line)} ${does}. At the end: ${last}`,
    series,
    levels: [{ y: line, label: `${figure(10 ** line)} ${does}` }],
    moments: momentsOf(rule, history),
    from,
    to,
    ticks: Array.from({ length: to - from + 1 }, (_, index) => ({ y: from + index, label: power(from + index) })),
    seconds: secondsOf(history),
  };
}

/** "1/100", "1", "1,000", "10⁵" */
function power(exponent: number): string {
  if (exponent < 0) return `1/${power(-exponent)}`;
  return exponent > 3 ? `10${"⁰¹²³⁴⁵⁶⁷⁸⁹"[exponent]}` : whole(10 ** exponent);
}

/** When comparing began, and when weights changed. */
function momentsOf({ warmUpSeconds, steps }: JudgeRule, history: History): Chart["moments"] {
  const compared = warmUpSeconds > 0 ? [{ x: warmUpSeconds, label: "compared from here" }] : [];
  const moved = history.flatMap(({ counts }, index) => {
    const before = history[index - 1]?.counts.step ?? counts.step;
    const weights = steps[counts.step]?.weights;
    const label = weights ? `${weights.stable}/${weights.baseline}/${weights.canary}` : "";
    return counts.step === before ? [] : [{ x: counts.second, label }];
  });
  return [...compared, ...moved];
}

/** The share that failed in the last ten seconds, by version. */
function failures(rule: JudgeRule, gate: string, title: string, history: History): Chart {
  const versions = ["baseline", "canary"] as const;
  const series = versions.map((version): Series => {
    const perSecond = history.map(({ counts }) => {
      const strata = (counts.metrics[gate] ?? []).map((stratum) => stratum[version]);
      return {
        total: strata.reduce((sum, { total }) => sum + total, 0),
        failed: strata.reduce((sum, { failed }) => sum + failed, 0),
      };
    });
    const points = history.flatMap(({ counts }, index) => {
      const recent = perSecond.slice(Math.max(0, index + 1 - SMOOTHED_S), index + 1);
      const total = recent.reduce((sum, one) => sum + one.total, 0);
      return total > 0 ? [point(counts, recent.reduce((sum, one) => sum + one.failed, 0) / total)] : [];
    });
    return { label: version, look: LOOK[version], points, isMain: version === "canary" };
  });
  const isRate = series.some(({ points }) => points.some(({ y }) => y > 1));
  return shares(
    rule,
    `${capitalised(title)}, of the last ${SMOOTHED_S} s`,
    series,
    history,
    isRate ? (y) => y.toFixed(1) : percent,
  );
}

function requests(rule: JudgeRule, history: History): Chart {
  const versions = ["stable", "baseline", "canary"] as const;
  const series = versions.map((version) => ({
    label: version,
    look: LOOK[version],
    isMain: version === "canary",
    points: history.map(({ counts }) => point(counts, counts.requests[version])),
  }));
  return shares(rule, "Requests a second", series, history, whole);
}

function weights(rule: JudgeRule, history: History): Chart {
  const { steps } = rule;
  const asked = history.map(({ counts }) => point(counts, (steps[counts.step]?.weights.canary ?? 0) / 100));
  const seen = history.flatMap(({ counts }) => {
    const { stable, baseline, canary } = counts.requests;
    const all = stable + baseline + canary;
    return all > 0 ? [point(counts, canary / all)] : [];
  });
  const series = [
    { label: "asked for", look: 0, points: asked, isMain: true },
    { label: "seen", look: LOOK.canary, points: seen },
  ];
  return shares(rule, "The canary's share of the requests", series, history, percent);
}

function shares(
  rule: JudgeRule,
  title: string,
  series: readonly Series[],
  history: History,
  show: (y: number) => string,
): Chart {
  const highest = Math.max(1e-4, ...series.flatMap(({ points }) => points.map(({ y }) => y)));
  const last = series.map(({ label, points }) => `${label} ${show(points.at(-1)?.y ?? 0)}`).join(", ");
  return {
    title,
    description: `${title}. At the end: ${last}`,
    series,
    moments: momentsOf(rule, history),
    from: 0,
    to: highest,
    ticks: [0, 0.5, 1].map((part) => ({ y: part * highest, label: show(part * highest) })),
    seconds: secondsOf(history),
  };
}

function point({ second }: SecondCounts, y: number) {
  return { x: second, y };
}

function secondsOf(history: History): number {
  return history.at(-1)?.counts.second ?? 0;
}

function log10(natural: number): number {
  return natural / Math.LN10;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
