import { type CallEdge, type Histogram, namedStatuses, routeBackendOf } from "./call-edge.ts";
import { backendLabels, balancerLabels, podLabels, refusalLabels, routeLabels } from "./linkerd-labels.ts";
import { type CountedDurations, type Labels, labelText, PrometheusText } from "./prometheus-text.ts";
import type { Decision, Refusal } from "./refusals.ts";
import type { RequestLines } from "./request-lines.ts";
import type { PolledSidecar, Sidecars } from "./sidecars.ts";

/** Everything for /metrics, under the names that Linkerd's proxies use. */
export function renderMetrics(lines: RequestLines, sidecars: Sidecars): string {
  const out = new PrometheusText();
  writeBackends(out, [...lines.edges()]);
  writeRoutes(out, [...lines.edges()]);
  writeRefusals(out, [...lines.refusals.all()], sidecars);
  writeSidecars(out, [...sidecars.all()]);
  out.begin("mesh_request_lines_total", "counter", "Request lines received from sidecars.");
  out.sample("mesh_request_lines_total", {}, lines.received);
  out.begin("mesh_request_lines_invalid_total", "counter", "Request lines that could not be read.");
  out.sample("mesh_request_lines_invalid_total", {}, lines.invalid);
  out.begin("mesh_sidecar_messages_total", "counter", "Other messages of sidecars, as when one reloads.");
  out.sample("mesh_sidecar_messages_total", {}, lines.otherMessages);
  return out.toString();
}

const BACKEND = "outbound_grpc_route_backend";
const ROUTE = "outbound_grpc_route";

function writeBackends(out: PrometheusText, all: CallEdge[]): void {
  // Linkerd does not tell the rules of a route apart.
  const backends = Map.groupBy(
    all.filter(({ to }) => to.backend !== ""),
    (edge) => backendLabels(edge.pod, edge.to),
  );
  out.begin(`${BACKEND}_requests_total`, "counter", "Requests sent to a backend, retries included.");
  for (const [labels, edges] of backends)
    out.sample(
      `${BACKEND}_requests_total`,
      labels,
      add(edges, (edge) => edge.tries),
    );
  out.begin(`${BACKEND}_response_statuses_total`, "counter", "Answers of a backend, those that were retried included.");
  for (const [labels, edges] of backends) {
    const counts = sum(edges.map((edge) => edge.responseStatuses));
    writeStatuses(out, `${BACKEND}_response_statuses_total`, labels, counts);
  }
  out.begin(`${BACKEND}_response_duration_seconds`, "histogram", "Time until a backend's answer was complete.");
  for (const [labels, edges] of backends) {
    const durations = together(edges.map((edge) => edge.responseDurations));
    out.histogram(`${BACKEND}_response_duration_seconds`, labels, durations);
  }
}

function writeRoutes(out: PrometheusText, all: CallEdge[]): void {
  const routes = Map.groupBy(all, (edge) => routeLabels(edge.pod, edge.to));
  out.begin(`${ROUTE}_request_statuses_total`, "counter", "Answers as clients got them.");
  for (const [labels, edges] of routes) {
    writeStatuses(out, `${ROUTE}_request_statuses_total`, labels, sum(edges.map((edge) => edge.requestStatuses)));
  }
  out.begin(`${ROUTE}_request_duration_seconds`, "histogram", "Time until a client had its answer.");
  for (const [labels, edges] of routes) {
    const durations = together(edges.map((edge) => edge.requestDurations));
    out.histogram(`${ROUTE}_request_duration_seconds`, labels, durations);
  }
  const counters: [string, string, (edge: CallEdge) => number][] = [
    ["requests", "Requests sent again after a failed connection.", (edge) => edge.retries],
    ["successes", "Requests that succeeded when sent again.", (edge) => edge.retrySuccesses],
    ["limit_exceeded", "Requests that failed each time they were sent.", (edge) => edge.retriesExhausted],
  ];
  for (const [name, help, pick] of counters) {
    out.begin(`${ROUTE}_retry_${name}_total`, "counter", help);
    for (const [labels, edges] of routes) {
      out.sample(`${ROUTE}_retry_${name}_total`, labels, add(edges, pick));
    }
  }
}

function writeStatuses(out: PrometheusText, name: string, labels: string, counts: Float64Array): void {
  for (const { status, error, count } of namedStatuses(counts)) {
    out.sample(name, `${labels},grpc_status="${status}",error="${error}"`, count);
  }
}

function add(edges: CallEdge[], pick: (edge: CallEdge) => number): number {
  return edges.reduce((total, edge) => total + pick(edge), 0);
}

function together(histograms: Histogram[]): CountedDurations {
  return {
    bounds: histograms[0]?.bounds ?? [],
    counts: sum(histograms.map(({ counts }) => counts)),
    sumUs: histograms.reduce((total, { sumUs }) => total + sumUs, 0),
  };
}

function sum(all: Float64Array[]): Float64Array {
  const total = new Float64Array(all[0]?.length ?? 0);
  for (const counts of all) for (const [index, count] of counts.entries()) total[index] = (total[index] ?? 0) + count;
  return total;
}

const REFUSED: [Decision, string, string][] = [
  ["deny", "inbound_http_authz_deny_total", "Requests that no policy allows."],
  ["no-route", "inbound_http_route_not_found_total", "Requests that no route of the Server matches."],
  ["rate-limited", "inbound_http_local_ratelimit_total", "Requests beyond a rate limit."],
];

function writeRefusals(out: PrometheusText, refusals: Refusal[], sidecars: Sidecars): void {
  for (const [decision, name, help] of REFUSED) {
    out.begin(name, "counter", help);
    const totals = new Map<string, number>();
    for (const refusal of refusals.filter((candidate) => candidate.decision === decision)) {
      const labels = labelText(refusalLabels(sidecars.pod(refusal.instance), refusal));
      totals.set(labels, (totals.get(labels) ?? 0) + refusal.count);
    }
    for (const [labels, count] of totals) out.sample(name, labels, count);
  }
}

function writeSidecars(out: PrometheusText, sidecars: PolledSidecar[]): void {
  out.begin("identity_cert_expiration_timestamp_seconds", "gauge", "When the sidecar's certificate expires.");
  for (const { pod, certificate } of sidecars) {
    if (certificate) out.sample("identity_cert_expiration_timestamp_seconds", podLabels(pod), certificate.expires);
  }
  out.begin(
    "outbound_http_balancer_endpoints",
    "gauge",
    "Endpoints of a backend that calls may be sent to, or not now.",
  );
  for (const sidecar of sidecars) {
    for (const [labels, { ready, pending }] of endpoints(sidecar)) {
      out.sample("outbound_http_balancer_endpoints", `${labels},endpoint_state="ready"`, ready);
      out.sample("outbound_http_balancer_endpoints", `${labels},endpoint_state="pending"`, pending);
    }
  }
  out.begin("mesh_request_lines_lost_total", "counter", "Answers that HAProxy counted and of which no line arrived.");
  for (const { pod, reconciliation } of sidecars) {
    const labels: Labels = podLabels(pod);
    out.sample("mesh_request_lines_lost_total", labels, reconciliation.lost);
  }
}

/** Every route to a backend has servers of its own for the same endpoints: those of one of them count. */
function endpoints({ pod, servers }: PolledSidecar): Map<string, { ready: number; pending: number }> {
  const counted = new Map<string, string>();
  const totals = new Map<string, { ready: number; pending: number }>();
  for (const { backend, isReady } of servers) {
    const labels = balancerLabels(pod, routeBackendOf(backend));
    if ((counted.get(labels) ?? backend) !== backend) continue;
    counted.set(labels, backend);
    const total = totals.get(labels) ?? { ready: 0, pending: 0 };
    if (isReady) total.ready += 1;
    else total.pending += 1;
    totals.set(labels, total);
  }
  return totals;
}
