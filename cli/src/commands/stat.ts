import { setTimeout as sleep } from "node:timers/promises";
import type { Installation } from "@row/laptop/installation.ts";
import { about, askObserver, observerUrl } from "@row/laptop/sidecars/observer-client.ts";
import type { Stat, StatEdge } from "@row/mesh/observer/stat.ts";
import { duration } from "../durations.ts";
import { table } from "./status.ts";

const REDRAW_MS = 1_000;
const CLEAR = "\x1b[H\x1b[2J\x1b[3J";

export interface StatFlags {
  watch?: boolean;
  json?: boolean;
}

/** Shows who calls whom, how well and how fast, over the last ten seconds. */
export async function stat(
  installation: Installation,
  service: string | undefined,
  { watch, json }: StatFlags,
): Promise<void> {
  const url = await observerUrl(installation);
  await showStat(() => askObserver<Stat>(url, `/stat${about(service)}`), { watch, json });
}

/** Prints what is answered, once or every second. */
export async function showStat(ask: () => Promise<Stat>, { watch, json }: StatFlags): Promise<void> {
  const show = json ? (answer: Stat) => JSON.stringify(answer, null, watch ? 0 : 2) : render;
  if (!watch) return console.log(show(await ask()));
  const clear = process.stdout.isTTY && !json ? CLEAR : "";
  for (;;) {
    console.log(clear + show(await ask()));
    await sleep(REDRAW_MS);
  }
}

export function render({ edges, linesLost, seconds }: Stat): string {
  const lines =
    edges.length === 0
      ? [`No calls in the last ${Math.floor(seconds)} seconds.`]
      : table([
          ["CLIENT", "SERVICE", "BACKEND", "ROUTE", "SUCCESS", "RPS", "P50", "P95", "P99"],
          ...edges.map(columns),
        ]);
  if (linesLost > 0)
    lines.push("", `${linesLost} requests are missing here: their lines were lost since the shop runs`);
  return lines.join("\n");
}

function columns({ client, service, backend, route, successRate, requestsPerSecond, ...latency }: StatEdge): string[] {
  const { p50Us, p95Us, p99Us } = latency;
  return [
    client,
    service || "-",
    backend || "-",
    route || "-",
    successRate === null ? "-" : `${(Math.floor(successRate * 10_000) / 100).toFixed(2)} %`,
    requestsPerSecond.toFixed(1),
    // A call that reached nobody took no time.
    ...[p50Us, p95Us, p99Us].map((us) => (us === null || us === 0 ? "-" : duration(us))),
  ];
}
