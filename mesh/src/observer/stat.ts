import type { CallEdge } from "./call-edge.ts";
import { quantile } from "./latency-buckets.ts";
import { emptyTotals, WINDOW_SECONDS, type WindowTotals } from "./sliding-window.ts";

/** What GET /stat answers. */
export interface Stat {
  /** How long the window is: ten and a part of one. */
  readonly seconds: number;
  /** Lines that sidecars sent and that did not arrive, since the observer runs. */
  readonly linesLost: number;
  readonly edges: readonly StatEdge[];
}

/** One edge of the call graph over the last ten seconds. */
export interface StatEdge {
  /** "orders-v1" */
  readonly client: string;
  /** The Service that is called. */
  readonly service: string;
  /** The Service that the route chose, "catalog-v2"; empty when no route matched. */
  readonly backend: string;
  readonly route: string;
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Of those that were not given up by the client, 0 to 1; null when there are none. */
  readonly successRate: number | null;
  readonly cancelled: number;
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
}

/** Edges that had requests in the last ten seconds; with a service, those that lead to or from it. */
export function statOf(edges: Iterable<CallEdge>, nowMs: number, linesLost: number, service = ""): Stat {
  const second = Math.floor(nowMs / 1_000);
  const seconds = WINDOW_SECONDS + (nowMs % 1_000) / 1_000;
  const groups = new Map<string, { first: CallEdge; totals: WindowTotals }>();
  for (const edge of edges) {
    if (service && !concerns(edge, service)) continue;
    const { pod, to } = edge;
    const key = `${pod.service}-${pod.version} ${to.parent} ${to.backend} ${to.route}`;
    const group = groups.get(key) ?? { first: edge, totals: emptyTotals() };
    edge.window.addTo(group.totals, second);
    groups.set(key, group);
  }
  const busy = [...groups.entries()].filter(([, { totals }]) => totals.requests > 0);
  busy.sort(([left], [right]) => (left < right ? -1 : 1));
  return { seconds, linesLost, edges: busy.map(([, { first, totals }]) => answer(first, totals, seconds)) };
}

/** "catalog" means the client, the called Service and its versions, "catalog-v2" that backend or client alone. */
export function concerns({ pod, to }: Pick<CallEdge, "pod" | "to">, service: string): boolean {
  return [pod.service, `${pod.service}-${pod.version}`, pod.instance, to.parent, to.backend].includes(service);
}

function answer(
  { pod, to }: CallEdge,
  { requests, failures, cancelled, latencies }: WindowTotals,
  seconds: number,
): StatEdge {
  const answered = requests - cancelled;
  return {
    client: `${pod.service}-${pod.version}`,
    service: to.parent,
    backend: to.backend,
    route: to.route,
    requests,
    requestsPerSecond: requests / seconds,
    successRate: answered > 0 ? (answered - failures) / answered : null,
    cancelled,
    p50Us: quantile(latencies, 0.5) ?? null,
    p95Us: quantile(latencies, 0.95) ?? null,
    p99Us: quantile(latencies, 0.99) ?? null,
  };
}
