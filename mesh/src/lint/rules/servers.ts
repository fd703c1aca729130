import { ACCESS_POLICIES, PROXY_PROTOCOLS } from "../../resources/kinds/server.ts";
import type { Cluster } from "../cluster.ts";
import { type KubeObject, mayBeSame } from "../kube-object.ts";
import { policiesOn, portOf } from "../policy-of.ts";
import type { Rule } from "../rule.ts";
import { selects, type WorkloadObject } from "../workload.ts";

export const SERVERS: readonly Rule[] = [
  {
    name: "server-port",
    why: "a Server applies only to ports that the pods declare: the port keeps the default policy, which allows everybody",
    fix: "declare the port in the containers, or correct the Server's",
    *check(cluster) {
      for (const server of cluster.ofKind("Server")) {
        const selected = workloadsOf(cluster, server);
        const port = server.spec.at("port");
        if (selected.length === 0 || selected.some((workload) => hasPort(server, workload))) continue;
        const names = selected.map(({ object }) => object.name).join(", ");
        yield { at: port, message: `no container of ${names} declares port ${String(port.raw)}` };
      }
    },
  },
  {
    name: "server-selects-nothing",
    why: "no pod is protected by it, and its routes and policies do nothing",
    fix: "write labels of a pod template into its podSelector",
    *check(cluster) {
      for (const server of cluster.ofKind("Server")) {
        const selector = server.spec.at("podSelector");
        const known = cluster.workloads.some(({ object }) => mayBeSame(object.namespace, server.namespace));
        if (!selector.exists || !known || workloadsOf(cluster, server).length > 0) continue;
        yield { at: selector, message: `Server ${server.name} selects no workload` };
      }
    },
  },
  {
    name: "server-overlap",
    why: "Linkerd's webhook refuses the second; where the webhook is down, either may apply",
    fix: "keep one Server for each port of a pod",
    *check(cluster) {
      const servers = cluster.ofKind("Server");
      for (const [index, server] of servers.entries()) {
        const other = servers.slice(0, index).find((earlier) => overlap(cluster, earlier, server));
        if (other)
          yield {
            at: server.root.at("metadata", "name"),
            message: `Servers ${other.name} and ${server.name} select the same port of the same pods`,
          };
      }
    },
  },
  {
    name: "server-values",
    why: "the policy controller refuses the Server: the port keeps the default policy, which allows everybody",
    fix: `write one of: proxyProtocol ${PROXY_PROTOCOLS.join(" ")}; accessPolicy ${ACCESS_POLICIES.join(" ")}`,
    *check(cluster) {
      for (const { spec } of cluster.ofKind("Server")) {
        const wanted: [string, readonly string[]][] = [
          ["proxyProtocol", PROXY_PROTOCOLS],
          ["accessPolicy", ACCESS_POLICIES],
        ];
        for (const [field, known] of wanted) {
          const at = spec.at(field);
          if (at.exists && !known.includes(at.text ?? ""))
            yield { at, message: `${field} is ${JSON.stringify(at.raw)}` };
        }
      }
    },
  },
  {
    name: "route-ignored-by-server",
    why: "a gRPC Server uses GRPCRoutes only and any other HTTPRoutes only: what the ignored route should authorize is denied, or more is allowed than was meant",
    fix: "write a route of the other kind, or another proxyProtocol",
    *check(cluster) {
      for (const { kind, parents } of cluster.routes) {
        for (const parent of parents.filter((ref) => ref.kind === "Server")) {
          const server = cluster.find("Server", parent.name, parent.namespace);
          if (!server) continue;
          const protocol = server.spec.at("proxyProtocol").text ?? "unknown";
          if ((protocol === "gRPC") === (kind === "GRPCRoute")) continue;
          yield { at: parent.at, message: `Server ${parent.name} of proxyProtocol ${protocol} ignores a ${kind}` };
        }
      }
    },
  },
  {
    name: "server-wide-authorization",
    why: "authorizations add up: whoever is let in to the whole Server may call every method, whatever its routes say",
    fix: "point the AuthorizationPolicy at a route instead",
    *check(cluster) {
      for (const server of cluster.ofKind("Server")) {
        const routes = cluster
          .routesOn("Server", server)
          .filter(({ object }) => policiesOn(cluster, object).length > 0);
        if (routes.length === 0) continue;
        for (const policy of policiesOn(cluster, server)) {
          const message = `AuthorizationPolicy ${policy.name} is on the whole Server ${server.name}, whose routes have policies of their own`;
          yield { at: policy.spec.at("targetRef"), message };
        }
      }
    },
  },
];

function workloadsOf(cluster: Cluster, server: KubeObject): WorkloadObject[] {
  const selector = server.spec.at("podSelector");
  if (!selector.exists) return [];
  return cluster.workloads.filter(
    ({ object, labels }) => mayBeSame(object.namespace, server.namespace) && selects(selector, labels),
  );
}

function hasPort(server: KubeObject, workload: WorkloadObject): boolean {
  const port = portOf(server, workload);
  return port !== undefined && workload.ports.some(({ number }) => number === port);
}

function overlap(cluster: Cluster, one: KubeObject, other: KubeObject): boolean {
  // The same Server in two variants of a manifest is no two Servers.
  if (one.name === other.name || !mayBeSame(one.namespace, other.namespace)) return false;
  const both = workloadsOf(cluster, one).filter((workload) => workloadsOf(cluster, other).includes(workload));
  if (both.some((workload) => portOf(one, workload) !== undefined && portOf(one, workload) === portOf(other, workload)))
    return true;
  const selector = one.spec.at("podSelector");
  const isSame = JSON.stringify(selector.raw) === JSON.stringify(other.spec.at("podSelector").raw);
  return selector.exists && isSame && one.spec.at("port").raw === other.spec.at("port").raw;
}
