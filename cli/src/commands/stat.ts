/** `row stat`: who calls whom, how well and how fast. */
import { setTimeout as sleep } from "node:timers/promises";
import type { StatEdge } from "@row/mesh/observer/stat.ts";
import { RowError } from "@row/topology/row-error.ts";
import { Command, Option } from "commander";
import { heading, versioned, warning } from "../colours.ts";
import { duration, milliseconds } from "../durations.ts";
import { rateText } from "../rate.ts";
import { table } from "../table.ts";
import type { ShownStat, Target } from "../target.ts";
import { injectedText } from "./status.ts";

const REDRAW_MS = 1_000;
const CLEAR = "\x1b[H\x1b[2J\x1b[3J";

interface StatFlags {
  watch?: boolean;
  json?: boolean;
  prometheus?: string;
  window?: string;
  output?: string;
}

export function statCommand(target: () => Target): Command {
  return new Command("stat")
    .description("show who calls whom: success rate, requests a second and latencies of now")
    .argument("[service]", "only calls to or from it; catalog-v2 for one version")
    .option("--window <duration>", "how far to look back, such as 1m; 10s on a laptop and 1m in a cluster unless given")
    .addOption(
      new Option("-o, --output <format>", "wide: also what sidecars sent again, and what met its deadline").choices([
        "wide",
      ]),
    )
    .option("-w, --watch", "show it again every second until Ctrl-C")
    .option("--prometheus <url>", "ask this Prometheus instead of the observability profile's, with --on kubernetes")
    .option("--json", "print JSON")
    .action((service: string | undefined, flags: StatFlags) => stat(target(), service, flags));
}

async function stat(target: Target, service: string | undefined, flags: StatFlags): Promise<void> {
  const { watch, json, prometheus, window } = flags;
  const windowSeconds = window === undefined ? undefined : secondsOf(window);
  const source = await target.stat({ service, prometheus, windowSeconds });
  try {
    const isWide = flags.output === "wide";
    const show = (answer: ShownStat) => (json ? JSON.stringify(answer, null, watch ? 0 : 2) : render(answer, isWide));
    if (!watch) return console.log(show(await source.ask()));
    const clear = process.stdout.isTTY && !json ? CLEAR : "";
    for (;;) {
      console.log(clear + show(await source.ask()));
      await sleep(REDRAW_MS);
    }
  } finally {
    source.close();
  }
}

function secondsOf(window: string): number {
  const ms = milliseconds(window);
  if (ms !== undefined && ms > 0) return ms / 1_000;
  throw new RowError(`Cannot look back ${window}: write a duration such as 30s or 5m`);
}

export function render({ edges, linesLost, seconds, injected = [] }: ShownStat, isWide = false): string {
  const lines =
    edges.length === 0
      ? [`No calls in the last ${Math.floor(seconds)} seconds.`]
      : table([
          [...HEADINGS, ...(isWide ? ["RETRIES", "TIMEOUTS"] : [])].map(heading),
          ...edges.map((edge) => [
            ...columns(edge),
            ...(isWide ? [counted(edge.retries), counted(edge.timeouts)] : []),
          ]),
        ]);
  if (linesLost > 0)
    lines.push("", `${linesLost} requests are missing here: their lines were lost since the shop runs`);
  if (injected.length > 0) lines.push("", warning("Injected on purpose:"), ...injected.map(injectedText));
  return lines.join("\n");
}

const HEADINGS = ["CLIENT", "SERVICE", "BACKEND", "ROUTE", "SUCCESS", "RPS", "P50", "P95", "P99"];

function counted(count: number | null): string {
  return count === null ? "-" : String(count);
}

function columns({ client, service, backend, route, successRate, requestsPerSecond, ...latency }: StatEdge): string[] {
  const { p50Us, p95Us, p99Us } = latency;
  return [
    versioned(client),
    service || "-",
    versioned(backend || "-"),
    route || "-",
    rateText(successRate),
    requestsPerSecond.toFixed(1),
    // A call that reached nobody took no time.
    ...[p50Us, p95Us, p99Us].map((us) => (us === null || us === 0 ? "-" : duration(us))),
  ];
}
