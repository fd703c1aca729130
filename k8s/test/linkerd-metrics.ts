/**
 * The metrics of Linkerd's proxies that dashboards and alerts use, with the labels that they have. From Linkerd's documentation
 * (reference/proxy-metrics.md and reference/authorization-policy.md of 2.20) and, for labels which it does not list, the proxy's
 * source and what it was seen to show (linkerd2-proxy v2.366.0).
 */
const WHERE = ["namespace", "pod", "deployment", "statefulset", "job", "instance"];
const PARENT = ref("parent", "port", "section_name");
const BACKEND = ref("backend", "port", "section_name");
const ROUTE = ref("route");
const SERVER = ["direction", ...ref("srv", "port"), "tls", "client_id"];

const STATUS = ["grpc_status", "error"];
const ON_ROUTE = [...PARENT, ...ROUTE];

export const LINKERD_METRICS: Readonly<Record<string, readonly string[]>> = {
  outbound_grpc_route_request_statuses_total: [...WHERE, ...ON_ROUTE, ...STATUS],
  outbound_grpc_route_request_duration_seconds_bucket: [...WHERE, ...ON_ROUTE, "le"],
  outbound_grpc_route_retry_requests_total: [...WHERE, ...ON_ROUTE],
  outbound_grpc_route_backend_requests_total: [...WHERE, ...ON_ROUTE, ...BACKEND],
  outbound_grpc_route_backend_response_statuses_total: [...WHERE, ...ON_ROUTE, ...BACKEND, ...STATUS],
  outbound_grpc_route_backend_response_duration_seconds_bucket: [...WHERE, ...ON_ROUTE, ...BACKEND, "le"],
  outbound_http_balancer_endpoints: [...WHERE, ...PARENT, ...BACKEND, "endpoint_state"],
  inbound_http_authz_deny_total: [...WHERE, ...SERVER, ...ROUTE],
  inbound_http_route_not_found_total: [...WHERE, ...SERVER],
  inbound_http_local_ratelimit_total: [...WHERE, ...SERVER, ...ROUTE, ...ref("ratelimit")],
  inbound_tcp_authz_deny_total: [...WHERE, ...SERVER],
  identity_cert_expiration_timestamp_seconds: [...WHERE],
  control_identity_cert_expiration_timestamp_seconds: [...WHERE],
};

/** What grpc_status can be; empty where the proxy has made an error itself. */
export const GRPC_STATUSES = [
  ...["OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"],
  ...["PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"],
  ...["INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"],
];

/** A laptop's stores have no sidecar that could refuse connections, and its observer has the documented name of the other. */
export const ONLY_IN_A_CLUSTER = new Set([
  "inbound_tcp_authz_deny_total",
  "control_identity_cert_expiration_timestamp_seconds",
]);

function ref(role: string, ...more: string[]): string[] {
  return ["group", "kind", "namespace", "name", ...more].map((part) => `${role}_${part}`);
}
