/** Who calls whom in a cluster, as Prometheus has it from the callers' sidecars. */
import { FAILURES } from "@row/mesh/observer/outcome.ts";
import type { Stat, StatEdge } from "@row/mesh/observer/stat.ts";
import { NAMESPACE } from "@row/runtime/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { StatQuery, StatSource } from "../target.ts";
import type { Kubectl } from "./kubectl.ts";
import { openPrometheus, type Prometheus, type Sample } from "./prometheus.ts";

/** Prometheus looks every 15 s: less than this is too little to tell a rate from. */
const SHORTEST_WINDOW_SECONDS = 60;
const EDGE = ["deployment", "parent_name", "backend_name", "route_name"] as const;

/** The last minute of the cluster's calls, or more of them, to be asked again and again. */
export async function openStat(
  kubectl: Kubectl,
  { service, prometheus: url, windowSeconds = SHORTEST_WINDOW_SECONDS }: StatQuery,
): Promise<StatSource> {
  if (windowSeconds < SHORTEST_WINDOW_SECONDS) {
    throw new RowError("Cannot look back so little: Prometheus looks every 15 s, so give 1m or more");
  }
  const prometheus = await openPrometheus(kubectl, url);
  return { ask: () => statOf(prometheus, service, windowSeconds), close: () => prometheus.close() };
}

/** The edges that had requests in the window. */
export async function statOf(
  prometheus: Pick<Prometheus, "ask">,
  service: string | undefined,
  windowSeconds: number,
): Promise<Stat> {
  const seconds = Math.round(windowSeconds);
  const of = `{namespace="${NAMESPACE}",parent_kind="Service"}[${seconds}s]`;
  const by = EDGE.join(",");
  const quantile = (q: number) =>
    `histogram_quantile(${q}, sum by (${by},le) (rate(outbound_grpc_route_backend_response_duration_seconds_bucket${of})))`;
  const [statuses = [], ...latencies] = await Promise.all(
    [
      `sum by (${by},grpc_status,error) (rate(outbound_grpc_route_backend_response_statuses_total${of}))`,
      ...[0.5, 0.95, 0.99].map(quantile),
    ].map((query) => prometheus.ask(query)),
  );
  const [p50 = new Map(), p95 = new Map(), p99 = new Map()] = latencies.map(microsecondsByEdge);
  const edges = [...Map.groupBy(statuses, keyOf)].flatMap(([key, samples]): StatEdge[] => {
    const { rate, cancelled, failed, timedOut } = totals(samples);
    const [client = "", parent = "", backend = "", route = ""] = EDGE.map((label) => samples[0]?.labels[label] ?? "");
    const ends = [client, client.replace(/-v\w+$/, ""), parent, backend];
    if (rate === 0 || (service !== undefined && !ends.includes(service))) return [];
    const answered = rate - cancelled;
    return [
      {
        client,
        service: parent,
        backend,
        route,
        requests: Math.round(rate * seconds),
        requestsPerSecond: rate,
        successRate: answered > 0 ? (answered - failed) / answered : null,
        cancelled: Math.round(cancelled * seconds),
        // Linkerd counts them by route alone.
        retries: null,
        timeouts: Math.round(timedOut * seconds),
        p50Us: p50.get(key) ?? null,
        p95Us: p95.get(key) ?? null,
        p99Us: p99.get(key) ?? null,
      },
    ];
  });
  return { seconds, linesLost: 0, edges: edges.sort((a, b) => (order(a) < order(b) ? -1 : 1)) };
}

/** Requests a second, and how many of them their caller gave up and how many failed. */
function totals(samples: readonly Sample[]): { rate: number; cancelled: number; failed: number; timedOut: number } {
  const sum = (those: readonly Sample[]) => those.reduce((total, { value }) => total + value, 0);
  const isCancelled = ({ labels }: Sample) => labels.error === "CANCEL";
  // Without a status, an error is all that is known of the answer.
  const isFailed = ({ labels }: Sample) =>
    labels.grpc_status ? FAILURES.has(labels.grpc_status) : Boolean(labels.error);
  return {
    rate: sum(samples),
    cancelled: sum(samples.filter(isCancelled)),
    timedOut: sum(samples.filter(({ labels }) => labels.grpc_status === "DEADLINE_EXCEEDED")),
    failed: sum(samples.filter((sample) => !isCancelled(sample) && isFailed(sample))),
  };
}

function microsecondsByEdge(samples: readonly Sample[]): Map<string, number> {
  // Where there are no requests Prometheus says NaN.
  const known = samples.filter(({ value }) => Number.isFinite(value));
  return new Map(known.map((sample) => [keyOf(sample), Math.round(sample.value * 1e6)]));
}

function keyOf({ labels }: Sample): string {
  return EDGE.map((label) => labels[label] ?? "").join(" ");
}

function order({ client, service, backend, route }: StatEdge): string {
  return [client, service, backend, route].join(" ");
}
