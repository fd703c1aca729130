/** `row stat`: who calls whom, how well and how fast. */
import { setTimeout as sleep } from "node:timers/promises";
import type { StatEdge } from "@row/mesh/observer/stat.ts";
import { Command } from "commander";
import { heading, versioned, warning } from "../colours.ts";
import { duration } from "../durations.ts";
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
}

export function statCommand(target: () => Target): Command {
  return new Command("stat")
    .description("show who calls whom: success rate, requests a second and latencies of the last ten seconds")
    .argument("[service]", "only calls to or from it; catalog-v2 for one version")
    .option("-w, --watch", "show it again every second until Ctrl-C")
    .option("--prometheus <url>", "ask this Prometheus instead of the observability profile's, with --on kubernetes")
    .option("--json", "print JSON")
    .action((service: string | undefined, flags: StatFlags) => stat(target(), service, flags));
}

async function stat(target: Target, service: string | undefined, flags: StatFlags): Promise<void> {
  const { watch, json, prometheus } = flags;
  const source = await target.stat({ service, prometheus });
  try {
    const show = json ? (answer: ShownStat) => JSON.stringify(answer, null, watch ? 0 : 2) : render;
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

export function render({ edges, linesLost, seconds, injected = [] }: ShownStat): string {
  const lines =
    edges.length === 0
      ? [`No calls in the last ${Math.floor(seconds)} seconds.`]
      : table([
          ["CLIENT", "SERVICE", "BACKEND", "ROUTE", "SUCCESS", "RPS", "P50", "P95", "P99"].map(heading),
          ...edges.map(columns),
        ]);
  if (linesLost > 0)
    lines.push("", `${linesLost} requests are missing here: their lines were lost since the shop runs`);
  if (injected.length > 0) lines.push("", warning("Injected on purpose:"), ...injected.map(injectedText));
  return lines.join("\n");
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
