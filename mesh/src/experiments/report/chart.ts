/** Curves over time as SVG, told apart without colour: by dashes, by marks and by a legend that shows both. Pure: it only computes. */
import { escapeHtml } from "./html.ts";

export interface Series {
  readonly label: string;
  /** Its dashes, mark and colour: the same thing has the same in every chart. */
  readonly look: number;
  readonly points: readonly { readonly x: number; readonly y: number }[];
  /** The one that decides: drawn thicker. */
  readonly isMain?: boolean;
}

export interface Chart {
  readonly title: string;
  /** What it shows, for those who do not see it. */
  readonly description: string;
  readonly series: readonly Series[];
  /** Levels that mean something, with their names. */
  readonly levels?: readonly { readonly y: number; readonly label: string }[];
  /** Seconds at which something began. */
  readonly moments: readonly { readonly x: number; readonly label: string }[];
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly { readonly y: number; readonly label: string }[];
  readonly seconds: number;
}

const WIDTH = 460;
const HEIGHT = 250;
const LEFT = 64;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 34;
const DASHES = ["", "7 4", "2 3", "10 3 2 3", "1 5", "14 4", "5 2 1 2 1 2"];
const MARKS = ["circle", "square", "triangle", "diamond", "cross", "circle", "square"] as const;
/** Marks on a curve. */
const MARKED = 6;

export function chartOf(chart: Chart): string {
  const { title, description, series } = chart;
  const legend = series.map(
    ({ label, look, isMain = false }) =>
      `<li><svg viewBox="0 0 34 12" width="34" height="12" aria-hidden="true">${stroke(look, isMain, "M1 6H33")}${mark(look, 17, 6)}</svg> ${escapeHtml(label)}</li>`,
  );
  return `<figure>
<figcaption>${escapeHtml(title)}</figcaption>
<ul class="legend">${legend.join("")}</ul>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(description)}">
${axes(chart)}
${chart.moments.map((moment) => momentLine(chart, moment)).join("\n")}
${series.map((one) => curve(chart, one)).join("\n")}
${(chart.levels ?? []).map((level) => levelLine(chart, level)).join("\n")}
</svg>
</figure>`;
}

function across({ seconds }: Chart, x: number): number {
  return LEFT + (x / Math.max(1, seconds)) * (WIDTH - LEFT - RIGHT);
}

/** Curves that leave the chart run along its border. */
function down({ from, to }: Chart, y: number): number {
  const part = Math.min(1, Math.max(0, (y - from) / (to - from)));
  return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
}

function axes(chart: Chart): string {
  const rows = chart.ticks.map(({ y, label }) => {
    const at = down(chart, y).toFixed(1);
    return `<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/><text x="${LEFT - 6}" y="${at}" dy="4" text-anchor="end">${escapeHtml(label)}</text>`;
  });
  const columns = secondsShown(chart.seconds).map((second) => {
    const at = across(chart, second).toFixed(1);
    return `<text x="${at}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${second} s</text>`;
  });
  return `${rows.join("")}<path class="axis" d="M${LEFT} ${HEIGHT - BOTTOM}H${WIDTH - RIGHT}"/>${columns.join("")}`;
}

function secondsShown(seconds: number): number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600];
  const step = steps.find((one) => seconds / one <= 5) ?? 43_200;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, index) => index * step);
}

function curve(chart: Chart, { points, look, isMain = false }: Series): string {
  const placed = points.map(({ x, y }) => ({ x: across(chart, x), y: down(chart, y) }));
  const path = placed.map(({ x, y }, at) => `${at === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const every = Math.max(1, Math.floor(placed.length / MARKED));
  // Each curve has its marks elsewhere, so that equal ones can be told apart.
  const marks = placed.filter((_, at) => at % every === Math.floor((every * (look % MARKS.length)) / MARKS.length));
  return stroke(look, isMain, path) + marks.map(({ x, y }) => mark(look, x, y)).join("");
}

function stroke(look: number, isMain: boolean, path: string): string {
  const dash = DASHES[look % DASHES.length];
  const classes = `curve c${look % DASHES.length}${isMain ? " main" : ""}`;
  return path === "" ? "" : `<path class="${classes}"${dash ? ` stroke-dasharray="${dash}"` : ""} d="${path}"/>`;
}

function mark(look: number, x: number, y: number): string {
  const at = `transform="translate(${x.toFixed(1)} ${y.toFixed(1)})" class="mark c${look % DASHES.length}"`;
  switch (MARKS[look % MARKS.length]) {
    case "square":
      return `<path ${at} d="M-3.2-3.2H3.2V3.2H-3.2Z"/>`;
    case "triangle":
      return `<path ${at} d="M0-4L4 3H-4Z"/>`;
    case "diamond":
      return `<path ${at} d="M0-4.4L4.4 0L0 4.4L-4.4 0Z"/>`;
    case "cross":
      return `<path ${at} d="M-3.4-3.4L3.4 3.4M3.4-3.4L-3.4 3.4"/>`;
    default:
      return `<circle ${at} r="3.4"/>`;
  }
}

function momentLine(chart: Chart, { x, label }: { readonly x: number; readonly label: string }): string {
  const at = across(chart, x).toFixed(1);
  return `<path class="moment" d="M${at} ${TOP}V${HEIGHT - BOTTOM}"/><text class="moment" transform="translate(${at} ${HEIGHT - BOTTOM - 4}) rotate(-90)" dy="12">${escapeHtml(label)}</text>`;
}

function levelLine(chart: Chart, { y, label }: { readonly y: number; readonly label: string }): string {
  const at = down(chart, y);
  return `<path class="level" d="M${LEFT} ${at.toFixed(1)}H${WIDTH - RIGHT}"/><text class="level" x="${WIDTH - RIGHT}" y="${(at - 5).toFixed(1)}" text-anchor="end">${escapeHtml(label)}</text>`;
}
