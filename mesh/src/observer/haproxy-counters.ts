import { giveCommand } from "../haproxy/data-plane/command.ts";
import { parseInfo, parseStatistics } from "../haproxy/data-plane/statistics.ts";
import { routeBackendOf } from "./call-edge.ts";

/** What one HAProxy worker says of the calls that it sends out. */
export interface HaproxyCounters {
  /** Changes with every reload, after which all counters start from zero. */
  readonly pid: number;
  /** How long this worker has run, to the second. */
  readonly uptimeMs: number;
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

/** Rejects when the sidecar does not answer. */
export async function readCounters(statsSocket: string): Promise<HaproxyCounters> {
  const { pid, uptimeSeconds } = parseInfo(await giveCommand(statsSocket, "show info"));
  // Backends and servers alone.
  const all = parseStatistics(await giveCommand(statsSocket, "show stat -1 6 -1"));
  const outbound = all.filter(({ proxy }) => routeBackendOf(proxy).backend !== "");
  return {
    pid,
    uptimeMs: uptimeSeconds * 1_000,
    responses: outbound
      .filter(({ type }) => type === "backend")
      .map((row) => row.hrsp_1xx + row.hrsp_2xx + row.hrsp_3xx + row.hrsp_4xx + row.hrsp_5xx + row.hrsp_other)
      .reduce((total, responses) => total + responses, 0),
    servers: outbound
      .filter(({ type }) => type === "server")
      .map(({ proxy, server, status }) => ({
        backend: proxy,
        server,
        isReady: status.startsWith("UP") || status.startsWith("no check"),
        inMaintenance: status.startsWith("MAINT"),
      })),
  };
}
