import type { CallEdge } from "./call-edge.ts";
import { quantile, quantileBound } from "./latency-buckets.ts";
import { secondsOf, WINDOW_SECONDS, wholeWindow } from "./recent-calls.ts";
import { emptyTotals, type WindowTotals } from "./sliding-window.ts";

/** What GET /stat answers. */
export interface Stat {
  /** How long the window is: what was asked for, and the part of a second or of ten that is running. */
  readonly seconds: number;
  /** Lines that sidecars sent and that did not arrive, since the observer runs. */
  readonly linesLost: number;
  readonly edges: readonly StatEdge[];
}

/** One edge of the call graph over the window. */
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
  /** Sent again by the client's sidecar after a failed connection; null where that is not known by backend. */
  readonly retries: number | null;
  /** Answered with DEADLINE_EXCEEDED. */
  readonly timeouts: number;
  readonly p50Us: number | null;
  readonly p95Us: number | null;
  readonly p99Us: number | null;
}

/** What is asked of GET /stat. */
export interface StatQuestion {
  /** Edges that lead to or from it; all when empty. */
  readonly service?: string;
  /** Ten seconds unless given; five minutes at most. */
  readonly windowSeconds?: number;
}

/** Edges that had requests in the window. */
export function statOf(
  edges: Iterable<CallEdge>,
  nowMs: number,
  linesLost: number,
  { service = "", windowSeconds = WINDOW_SECONDS }: StatQuestion,
): Stat {
  const second = Math.floor(nowMs / 1_000);
  const window = wholeWindow(windowSeconds);
  const seconds = secondsOf(window, nowMs);
  const groups = new Map<string, { first: CallEdge; totals: WindowTotals }>();
  for (const edge of edges) {
    if (service && !concerns(edge, service)) continue;
    const { pod, to } = edge;
    const key = `${pod.service}-${pod.version} ${to.parent} ${to.backend} ${to.route}`;
    const group = groups.get(key) ?? { first: edge, totals: emptyTotals() };
    edge.recent.addTo(group.totals, second, window);
    groups.set(key, group);
  }
  const busy = [...groups.entries()].filter(([, { totals }]) => totals.requests > 0);
  busy.sort(([left], [right]) => (left < right ? -1 : 1));
  return { seconds, linesLost, edges: busy.map(([, { first, totals }]) => answer(first, totals, seconds)) };
}

/** What GET /quantiles answers: of all requests to a backend in the window, whoever sent them. */
export interface Quantiles {
  readonly requests: number;
  /** For each share, in µs, up to the bound of its bucket; empty without requests. */
  readonly boundsUs: readonly number[];
}

export interface QuantilesQuestion {
  /** "catalog-v1" */
  readonly backend: string;
  readonly windowSeconds: number;
  /** 0.5 for the median. */
  readonly shares: readonly number[];
}

export function quantilesOf(
  edges: Iterable<CallEdge>,
  nowMs: number,
  { backend, windowSeconds, shares }: QuantilesQuestion,
): Quantiles {
  const totals = emptyTotals();
  for (const edge of edges) {
    if (edge.to.backend !== backend) continue;
    edge.recent.addTo(totals, Math.floor(nowMs / 1_000), wholeWindow(windowSeconds));
  }
  const boundsUs = shares.flatMap((share) => quantileBound(totals.latencies, share) ?? []);
  return { requests: totals.requests, boundsUs };
}

/** "catalog" means the client, the called Service and its versions, "catalog-v2" that backend or client alone. */
export function concerns({ pod, to }: Pick<CallEdge, "pod" | "to">, service: string): boolean {
  return [pod.service, `${pod.service}-${pod.version}`, pod.instance, to.parent, to.backend].includes(service);
}

function answer(
  { pod, to }: CallEdge,
  { requests, failures, cancelled, retries, timeouts, latencies }: WindowTotals,
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
    retries,
    timeouts,
    p50Us: quantile(latencies, 0.5) ?? null,
    p95Us: quantile(latencies, 0.95) ?? null,
    p99Us: quantile(latencies, 0.99) ?? null,
  };
}
