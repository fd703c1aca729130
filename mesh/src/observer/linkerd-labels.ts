import { GRPC_PORT, IDENTITY_DOMAIN, NAMESPACE } from "@row/runtime/names.ts";
import type { RouteBackend } from "./call-edge.ts";
import type { Pod } from "./pod.ts";
import { type Labels, labelText } from "./prometheus-text.ts";
import type { Refusal } from "./refusals.ts";

/** What a Prometheus that scrapes Linkerd's proxies adds of the pod. */
export function podLabels({ instance, service, version }: Pod): Labels {
  return { namespace: NAMESPACE, deployment: `${service}-${version}`, pod: instance };
}

function service(role: "parent" | "backend", name: string): Labels {
  return {
    [`${role}_group`]: "core",
    [`${role}_kind`]: "Service",
    [`${role}_namespace`]: NAMESPACE,
    [`${role}_name`]: name,
    [`${role}_port`]: String(GRPC_PORT),
    [`${role}_section_name`]: "",
  };
}

/** A name that no GRPCRoute has is one of Linkerd's own. */
function route(name: string): Labels {
  return name === "" || name === "default"
    ? { route_group: "", route_kind: "default", route_namespace: "", route_name: name }
    : {
        route_group: "gateway.networking.k8s.io",
        route_kind: "GRPCRoute",
        route_namespace: NAMESPACE,
        route_name: name,
      };
}

export function routeLabels(pod: Pod, to: RouteBackend): string {
  return labelText({ ...podLabels(pod), ...service("parent", to.parent), ...route(to.route) });
}

export function backendLabels(pod: Pod, to: RouteBackend): string {
  return `${routeLabels(pod, to)},${labelText(service("backend", to.backend))}`;
}

export function balancerLabels(pod: Pod, to: RouteBackend): string {
  return labelText({ ...podLabels(pod), ...service("parent", to.parent), ...service("backend", to.backend) });
}

/** A sidecar's line does not name the Server; those that the contracts make are called so. */
export function refusalLabels(pod: Pod, { caller, frontend, route: name, decision, policy }: Refusal): Labels {
  const isLaptop = frontend === "in:laptop";
  return {
    ...podLabels(pod),
    direction: "inbound",
    srv_group: "policy.linkerd.io",
    srv_kind: "server",
    srv_name: `${pod.service}-grpc`,
    srv_port: String(GRPC_PORT),
    ...(decision === "no-route" ? {} : route(name)),
    ...(decision === "rate-limited"
      ? { ratelimit_group: "policy.linkerd.io", ratelimit_kind: "httplocalratelimitpolicy" }
      : {}),
    ...(decision === "deny" && policy
      ? { authz_group: "policy.linkerd.io", authz_kind: "authorizationpolicy", authz_name: policy }
      : {}),
    tls: isLaptop ? "no_tls" : caller ? "true" : "no_identity",
    client_id: caller ? `${caller}.${IDENTITY_DOMAIN}` : "",
  };
}
