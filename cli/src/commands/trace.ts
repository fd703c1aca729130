/** `row trace`: traces, as lists and as waterfalls. */
import type { Installation } from "@row/laptop/installation.ts";
import { askObserver, observerUrl } from "@row/laptop/sidecars/observer-client.ts";
import type { PlacedSpan, Trace, TraceLists, TraceSummary } from "@row/mesh/observer/traces/trace.ts";
import { Command } from "commander";
import { bad, heading, lesser, warning } from "../colours.ts";
import { duration } from "../durations.ts";
import { table } from "../table.ts";
import { terminalWidth } from "../terminal.ts";

export function traceCommand(here: () => Installation): Command {
  return new Command("trace")
    .description("list traces: failed, slowest, recent; or show one, through services and sidecars")
    .argument("[id]", "a trace's id, or its first digits")
    .option("--json", "print JSON")
    .action((id: string | undefined, options: { json?: boolean }) => trace(here(), id, options));
}

/** Without an id lists traces: those that failed, the slowest and the last ones; with one shows its waterfall. */
export async function trace(
  installation: Installation,
  id: string | undefined,
  { json }: { json?: boolean },
): Promise<void> {
  const url = await observerUrl(installation);
  if (id === undefined) {
    const lists = await askObserver<TraceLists>(url, "/traces");
    return console.log(json ? JSON.stringify(lists, null, 2) : renderLists(lists));
  }
  const found = await askObserver<Trace>(url, `/traces/${encodeURIComponent(id)}`);
  console.log(json ? JSON.stringify(found, null, 2) : renderTrace(found, terminalWidth()));
}

export function renderLists({ failed, slowest, recent }: TraceLists): string {
  const sections: [string, readonly TraceSummary[]][] = [
    ["Failed", failed],
    ["Slowest", slowest],
    ["Recent", recent],
  ];
  const shown = sections.filter(([, traces]) => traces.length > 0);
  if (shown.length === 0) return "No traces yet: one is kept some seconds after its last span.";
  const rows = shown.map(([title, traces]) => [
    heading(title),
    ...table(traces.map((trace) => [`  ${trace.id}`, ...columns(trace)])),
    "",
  ]);
  return [...rows.flat(), "One of them: `npx row trace ID`"].join("\n");
}

function columns({ startTime, durationUs, service, operation, spans, failed }: TraceSummary): string[] {
  const time = startTime.slice(11, 23);
  return [time, duration(durationUs), service, operation, count(spans), failed ? bad("failed") : ""];
}

const BAR_WIDTH = 32;
const DURATION_WIDTH = 8;
const GAPS = 2 * 2;
const NARROWEST = 24;
const LEGEND = "⇥ the caller's sidecar, ↦ the callee's";

/** Each span under its parent, with a bar for when it ran. `width`: what names are cut for, in characters. */
export function renderTrace({ id, startTime, durationUs, spans }: Trace, width: number): string {
  const names = spans.map(({ depth, service, name, kind }) => {
    const marker = kind === "outbound" ? "⇥ " : kind === "inbound" ? "↦ " : "";
    return `${"  ".repeat(depth)}${marker}${service} ${withoutPackage(name)}`;
  });
  const endings = spans.map(ending);
  const rest = BAR_WIDTH + DURATION_WIDTH + GAPS + longest(endings);
  const room = Math.min(Math.max(NARROWEST, width - rest), longest(names));
  const lines = spans.map((span, index) => {
    const shown = span.failed ? bad(endings[index] ?? "") : warning(endings[index] ?? "");
    const time = duration(span.durationUs).padStart(DURATION_WIDTH);
    return `${fit(names[index] ?? "", room)}  ${bar(span, durationUs)}  ${time}${shown}`;
  });
  const legend = spans.some(({ kind }) => kind === "outbound" || kind === "inbound") ? ["", lesser(LEGEND)] : [];
  return [`${id}  ${startTime}  ${count(spans.length)}, ${duration(durationUs)}`, "", ...lines, ...legend].join("\n");
}

/** What became of a span, where that is worth a word. */
function ending(span: PlacedSpan): string {
  const { injected } = span.attributes;
  const label = injected === undefined ? "" : `  injected ${injected}`;
  if (span.failed) return `  ✗ ${span.status || "failed"}${label}`;
  return (isRemarkable(span) ? `  ${span.status}` : "") + label;
}

function longest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, text.length), 0);
}

function count(spans: number): string {
  return `${spans} ${spans === 1 ? "span" : "spans"}`;
}

/** "/shop.orders.v1.OrderService/PlaceOrder" → "OrderService/PlaceOrder" */
function withoutPackage(name: string): string {
  return name.replace(/^\/(?:[\w]+\.)*(\w+\/\w+)$/, "$1");
}

function isRemarkable({ status }: PlacedSpan): boolean {
  return status !== "" && status !== "OK";
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

function bar({ offsetUs, durationUs }: PlacedSpan, totalUs: number): string {
  const scale = BAR_WIDTH / Math.max(1, totalUs);
  const start = Math.min(BAR_WIDTH - 1, Math.floor(offsetUs * scale));
  const length = Math.max(1, Math.min(BAR_WIDTH - start, Math.round(durationUs * scale)));
  return " ".repeat(start) + "▇".repeat(length) + " ".repeat(BAR_WIDTH - start - length);
}
