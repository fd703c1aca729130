/** `row trace`: traces, as lists and as waterfalls. */
import type { Installation } from "@row/laptop/installation.ts";
import { askObserver, observerUrl } from "@row/laptop/sidecars/observer-client.ts";
import type { PlacedSpan, Trace, TraceLists, TraceSummary } from "@row/mesh/observer/traces/trace.ts";
import { Command } from "commander";
import { duration } from "../durations.ts";
import { table } from "../table.ts";

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
  console.log(json ? JSON.stringify(found, null, 2) : renderTrace(found, process.stdout.columns ?? 120));
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
    title,
    ...table(traces.map((trace) => [`  ${trace.id}`, ...columns(trace)])),
    "",
  ]);
  return [...rows.flat(), "One of them: npm run row -- trace ID"].join("\n");
}

function columns({ startTime, durationUs, service, operation, spans, failed }: TraceSummary): string[] {
  const time = startTime.slice(11, 23);
  return [time, duration(durationUs), service, operation, `${spans} spans`, failed ? "failed" : ""];
}

const BAR_WIDTH = 32;
const NARROWEST = 24;
const LEGEND = "⇥ the caller's sidecar, ↦ the callee's";

/** Each span under its parent, with a bar for when it ran. `width`: of the terminal, in characters. */
export function renderTrace({ id, startTime, durationUs, spans }: Trace, width: number): string {
  const names = spans.map(({ depth, service, name, kind }) => {
    const marker = kind === "outbound" ? "⇥ " : kind === "inbound" ? "↦ " : "";
    return `${"  ".repeat(depth)}${marker}${service} ${withoutPackage(name)}`;
  });
  const rest = BAR_WIDTH + 24;
  const longest = names.reduce((most, name) => Math.max(most, name.length), 0);
  const room = Math.min(Math.max(NARROWEST, width - rest), longest);
  const lines = spans.map((span, index) => {
    const name = fit(names[index] ?? "", room);
    const failure = span.failed ? `  ✗ ${span.status || "failed"}` : isRemarkable(span) ? `  ${span.status}` : "";
    return `${name}  ${bar(span, durationUs)}  ${duration(span.durationUs).padStart(8)}${failure}`;
  });
  const count = `${spans.length} spans, ${duration(durationUs)}`;
  const legend = spans.some(({ kind }) => kind === "outbound" || kind === "inbound") ? ["", LEGEND] : [];
  return [`${id}  ${startTime}  ${count}`, "", ...lines, ...legend].join("\n");
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
