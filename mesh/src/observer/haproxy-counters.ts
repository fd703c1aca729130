import { routeBackendOf } from "./edge.ts";

/** What one HAProxy worker says of itself. */
export interface HaproxyCounters {
  /** Changes with every reload, after which all counters start from zero. */
  readonly pid: number;
  /** When this worker began, ms since the epoch, to the second. */
  readonly startedMs: number;
  /** Answers given by the backends that routes send to, each of which makes a line. */
  readonly responses: number;
  readonly servers: readonly HaproxyServer[];
}

export interface HaproxyServer {
  readonly backend: string;
  readonly server: string;
  readonly isReady: boolean;
  /** Taken out over the runtime API or by the configuration. */
  readonly inMaintenance: boolean;
}

/** Backends and servers alone. */
export const COUNTERS_COMMANDS = ["show info", "show stat -1 6 -1"];

const RESPONSES = ["hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other"];

/** Reads what COUNTERS_COMMANDS print; throws when it is something else. */
export function readCounters(text: string): HaproxyCounters {
  const info = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, "m").exec(text)?.[1] ?? Number.NaN);
  const header = text.indexOf("# pxname,");
  const pid = info("Pid");
  if (header < 0 || Number.isNaN(pid)) throw new Error("it does not speak as HAProxy does");
  const [names = "", ...rows] = text.slice(header + 2).split("\n");
  const columns = new Map(names.split(",").map((name, index) => [name, index]));
  const pick = (cells: string[], name: string) => cells[columns.get(name) ?? -1] ?? "";
  const servers: HaproxyServer[] = [];
  let responses = 0;
  for (const row of rows) {
    const cells = row.split(",");
    const backend = pick(cells, "pxname");
    if (routeBackendOf(backend).backend === "") continue;
    if (pick(cells, "svname") === "BACKEND") {
      for (const name of RESPONSES) responses += Number(pick(cells, name));
      continue;
    }
    const status = pick(cells, "status");
    const isReady = status.startsWith("UP") || status.startsWith("no check");
    servers.push({ backend, server: pick(cells, "svname"), isReady, inMaintenance: status.startsWith("MAINT") });
  }
  return { pid, startedMs: Date.now() - info("Uptime_sec") * 1_000, responses, servers };
}
