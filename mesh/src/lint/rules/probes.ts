import type { Cluster } from "../cluster.ts";
import type { KubeObject } from "../kube-object.ts";
import { admitsUnmeshed, defaultPolicy, policiesOn, serversOf } from "../policy-of.ts";
import type { RouteObject } from "../route.ts";
import type { Rule } from "../rule.ts";
import type { Value } from "../value.ts";
import type { WorkloadObject } from "../workload.ts";

const OPEN = ["all-unauthenticated", "cluster-unauthenticated", "audit"];

export const PROBES: readonly Rule[] = [
  {
    name: "grpc-probe-denied",
    why: "the kubelet has no mesh identity and Linkerd lets only httpGet probes pass by themselves: the pod never gets ready, or is restarted for ever",
    fix: "probe an admin port with httpGet, or localhost with exec, or authorize grpc.health.v1.Health with a GRPCRoute, an AuthorizationPolicy and a NetworkAuthentication",
    *check(cluster) {
      for (const { workload, probe } of probesOf(cluster, "grpc")) {
        const port = probe.at("port").number;
        if (port === undefined || isAdmitted(cluster, workload, port, takesHealthCheck)) continue;
        yield {
          at: probe,
          message: `the grpc probe of ${workload.object.kind} ${workload.object.name} on port ${port} is denied`,
        };
      }
    },
  },
  {
    name: "http-probe-denied",
    why: "a Server with routes, or of proxyProtocol gRPC, has no automatic permission for probes: the pod never gets ready",
    fix: "probe another port, or authorize the path with an HTTPRoute, an AuthorizationPolicy and a NetworkAuthentication",
    *check(cluster) {
      for (const { workload, probe } of probesOf(cluster, "httpGet")) {
        const port = probe.at("port");
        const number = port.number ?? workload.ports.find(({ name }) => name === port.text)?.number;
        if (number === undefined) continue;
        const servers = serversOf(cluster, workload, number);
        const hasNoPass = servers.some(
          (server) => server.spec.at("proxyProtocol").text === "gRPC" || cluster.routesOn("Server", server).length > 0,
        );
        const path = (probe.at("path").text ?? "/").split("?")[0] ?? "/";
        if (!hasNoPass || isAdmitted(cluster, workload, number, (route) => takesGet(route, path))) continue;
        yield {
          at: probe,
          message: `the httpGet probe of ${workload.object.kind} ${workload.object.name} for ${path} on port ${number} is denied`,
        };
      }
    },
  },
];

function probesOf(cluster: Cluster, form: "grpc" | "httpGet"): { workload: WorkloadObject; probe: Value }[] {
  return cluster.workloads.flatMap((workload) =>
    workload.containers
      .flatMap((container) =>
        ["startupProbe", "readinessProbe", "livenessProbe"].map((kind) => container.at(kind, form)),
      )
      .filter((probe) => probe.exists)
      .map((probe) => ({ workload, probe })),
  );
}

/** Whether somebody without an identity may call the port, or by a route that takes the probe. */
function isAdmitted(
  cluster: Cluster,
  workload: WorkloadObject,
  port: number,
  takes: (route: RouteObject) => boolean,
): boolean {
  if (workload.annotations["linkerd.io/inject"] === "disabled") return true;
  const servers = serversOf(cluster, workload, port);
  if (servers.length === 0) return OPEN.includes(defaultPolicy(cluster, workload));
  return servers.every((server) => {
    if (OPEN.includes(server.spec.at("accessPolicy").text ?? "deny")) return true;
    const routes = cluster.routesOn("Server", server).filter(takes);
    const targets: KubeObject[] = [server, ...routes.map(({ object }) => object)];
    return targets.flatMap((target) => policiesOn(cluster, target)).some(admitsUnmeshed);
  });
}

function takesHealthCheck({ kind, rules }: RouteObject): boolean {
  if (kind === "HTTPRoute") return takesRequest(rules, { method: "POST", path: "/grpc.health.v1.Health/Check" });
  const isAny = (at: Value, wanted: string) => at.text === undefined || at.text === wanted;
  return rules.some(({ matches }) => {
    if (matches.length === 0) return true;
    return matches.some(
      (match) =>
        isAny(match.at("method", "service"), "grpc.health.v1.Health") &&
        isAny(match.at("method", "method"), "Check") &&
        match.at("headers").items.length === 0,
    );
  });
}

/** A GET is no gRPC call, so no GRPCRoute takes it. */
function takesGet({ kind, rules }: RouteObject, path: string): boolean {
  return kind === "HTTPRoute" && takesRequest(rules, { method: "GET", path });
}

function takesRequest(rules: RouteObject["rules"], { method, path }: { method: string; path: string }): boolean {
  return rules.some(({ matches }) => {
    if (matches.length === 0) return true;
    return matches.some((match) => {
      const isMethod = (match.at("method").text ?? method) === method;
      const isPlain = ["headers", "queryParams"].every((field) => match.at(field).items.length === 0);
      return isMethod && isPlain && fitsPath(match.at("path"), path);
    });
  });
}

function fitsPath(match: Value, path: string): boolean {
  const value = match.at("value").text ?? "/";
  if (match.at("type").text === "Exact") return path === value;
  if (match.at("type").text === "RegularExpression") return isRegularExpressionOf(value, path);
  const prefix = value.replace(/\/+$/, "");
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** What is no regular expression here may be one for Linkerd, so it is given the benefit of the doubt. */
function isRegularExpressionOf(pattern: string, path: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`).test(path);
  } catch {
    return true;
  }
}
