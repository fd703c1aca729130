import type { Cluster, KubeObject } from "../cluster.ts";
import { admitsUnmeshed, defaultPolicy, policiesOn, serversOf } from "../policy-of.ts";
import type { Rule } from "../rule.ts";
import type { Value } from "../value.ts";
import type { Workload } from "../workload.ts";

const OPEN = ["all-unauthenticated", "cluster-unauthenticated", "audit"];

export const PROBES: readonly Rule[] = [
  {
    name: "grpc-probe-denied",
    why: "the kubelet has no mesh identity and Linkerd lets only httpGet probes pass by themselves: the pod never gets ready, or is restarted for ever",
    fix: "probe an admin port with httpGet, or localhost with exec, or authorize grpc.health.v1.Health with a GRPCRoute, an AuthorizationPolicy and a NetworkAuthentication",
    *check(cluster) {
      for (const { workload, probe } of probesOf(cluster, "grpc")) {
        const port = probe.at("port").number;
        if (port === undefined || isAdmitted(cluster, workload, port)) continue;
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
        if (!hasNoPass || isAdmitted(cluster, workload, number)) continue;
        yield {
          at: probe,
          message: `the httpGet probe of ${workload.object.kind} ${workload.object.name} on port ${number} is denied`,
        };
      }
    },
  },
];

function probesOf(cluster: Cluster, form: "grpc" | "httpGet"): { workload: Workload; probe: Value }[] {
  return cluster.workloads.flatMap((workload) =>
    workload.containers
      .flatMap((container) =>
        ["startupProbe", "readinessProbe", "livenessProbe"].map((kind) => container.at(kind, form)),
      )
      .filter((probe) => probe.exists)
      .map((probe) => ({ workload, probe })),
  );
}

/** Whether somebody without an identity may call the port, or a route of it that a policy opens. */
function isAdmitted(cluster: Cluster, workload: Workload, port: number): boolean {
  if (workload.annotations["linkerd.io/inject"] === "disabled") return true;
  const servers = serversOf(cluster, workload, port);
  if (servers.length === 0) return OPEN.includes(defaultPolicy(cluster, workload));
  return servers.every((server) => {
    if (OPEN.includes(server.spec.at("accessPolicy").text ?? "deny")) return true;
    const targets: KubeObject[] = [server, ...cluster.routesOn("Server", server).map(({ object }) => object)];
    return targets.flatMap((target) => policiesOn(cluster, target)).some(admitsUnmeshed);
  });
}
