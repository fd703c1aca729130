/** What a cluster's own rules for networks and resources do to pods with a sidecar. */

import type { Cluster } from "../cluster.ts";
import { asksForSidecars, isInjected } from "../injected.ts";
import { type KubeObject, mayBeSame } from "../kube-object.ts";
import type { Rule } from "../rule.ts";
import type { Value } from "../value.ts";
import { selects, type WorkloadObject } from "../workload.ts";

/** Where a sidecar takes what comes for its pod, whichever port it was sent to. */
const PROXY_PORT = 4143;

export const NETWORK: readonly Rule[] = [
  {
    name: "network-policy-port",
    why: "the sidecar takes meshed traffic on port 4143, whichever port it is for: calls from meshed clients are dropped and time out",
    fix: "open port 4143 as well, or let the NetworkPolicy say who may connect and a Server with an AuthorizationPolicy to which port",
    *check(cluster) {
      for (const policy of cluster.ofKind("NetworkPolicy")) {
        const meshed = cluster.workloads.filter(
          (workload) => isSelected(policy, workload) && isInjected(cluster, workload),
        );
        for (const ports of policy.spec.at("ingress").items.map((rule) => rule.at("ports"))) {
          const closed = meshed.find(
            (workload) =>
              ports.items.some((port) => isPortOf(workload, port)) &&
              !rulesFor(cluster, workload).some((other) => lets(other, PROXY_PORT)),
          );
          if (!closed) continue;
          const { kind, name } = closed.object;
          const message = `NetworkPolicy ${policy.name} opens ports of ${kind} ${name}, and not its sidecar's ${PROXY_PORT}`;
          yield { at: ports, message };
        }
      }
    },
  },
  {
    name: "quota-without-proxy-resources",
    why: "the sidecar's container has no requests and limits of its own, so the quota does not admit any injected pod",
    fix: "annotate the Namespace or the pod template with config.linkerd.io/proxy-cpu-request, -memory-request, -cpu-limit, -memory-limit as the quota asks",
    *check(cluster) {
      for (const quota of cluster.ofKind("ResourceQuota")) {
        for (const [resource, at] of quota.spec.at("hard").fields) {
          const accepted = ANNOTATIONS_FOR[resource];
          if (!accepted || hasDefault(cluster, quota, resource)) continue;
          const without = injectedIn(cluster, quota).find(
            ({ annotations }) => !accepted.some((name) => annotations[name]),
          );
          if (!without) continue;
          const message = `ResourceQuota ${quota.name} counts ${resource}, and the sidecars of ${without.name} have no ${accepted[0]}`;
          yield { at, message };
        }
      }
    },
  },
];

/** The rules for what comes in, of every NetworkPolicy that selects the pods: they add up. */
function rulesFor(cluster: Cluster, workload: WorkloadObject): Value[] {
  return cluster
    .ofKind("NetworkPolicy")
    .filter((policy) => isSelected(policy, workload))
    .flatMap((policy) => policy.spec.at("ingress").items);
}

function isSelected({ namespace, spec }: KubeObject, { object, labels }: WorkloadObject): boolean {
  return mayBeSame(namespace, object.namespace) && selects(spec.at("podSelector"), labels);
}

function isPortOf({ ports }: WorkloadObject, rule: Value): boolean {
  const port = rule.at("port");
  return ports.some(({ number, name }) => (port.text ?? port.number) === (port.text === undefined ? number : name));
}

/** A rule without ports is about all of them. */
function lets(rule: Value, number: number): boolean {
  const ports = rule.at("ports").items;
  return ports.length === 0 || ports.some((item) => isInRange(item, number));
}

function isInRange(item: Value, number: number): boolean {
  const from = item.at("port").number;
  if (from === undefined) return !item.at("port").exists;
  return number >= from && number <= (item.at("endPort").number ?? from);
}

const proxy = (name: string) => `config.linkerd.io/proxy-${name}`;
/** A limit is a request too where no request is given. */
const CPU_REQUEST = [proxy("cpu-request"), proxy("cpu-limit")];
const MEMORY_REQUEST = [proxy("memory-request"), proxy("memory-limit")];
const ANNOTATIONS_FOR: Readonly<Record<string, readonly string[]>> = {
  cpu: CPU_REQUEST,
  "requests.cpu": CPU_REQUEST,
  "limits.cpu": [proxy("cpu-limit")],
  memory: MEMORY_REQUEST,
  "requests.memory": MEMORY_REQUEST,
  "limits.memory": [proxy("memory-limit")],
};

/** Whether a LimitRange gives containers what they do not say. */
function hasDefault(cluster: Cluster, quota: KubeObject, resource: string): boolean {
  const name = resource.split(".").at(-1) ?? "";
  const fields = resource.startsWith("limits.") ? ["default"] : ["default", "defaultRequest"];
  return cluster
    .ofKind("LimitRange")
    .filter(({ namespace }) => mayBeSame(namespace, quota.namespace))
    .flatMap(({ spec }) => spec.at("limits").items)
    .some((limit) => limit.at("type").text === "Container" && fields.some((field) => limit.at(field, name).exists));
}

interface Injected {
  readonly name: string;
  /** The Namespace's, and over them the pods' own. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The injected workloads of the quota's Namespace; the Namespace itself stands for those that are written elsewhere. */
function injectedIn(cluster: Cluster, quota: KubeObject): Injected[] {
  const namespace = cluster.ofKind("Namespace").find(({ name }) => name === quota.namespace);
  const workloads = cluster.workloads
    .filter((workload) => mayBeSame(workload.object.namespace, quota.namespace) && isInjected(cluster, workload))
    .map(({ object, annotations }) => ({
      name: `${object.kind} ${object.name}`,
      annotations: { ...namespace?.annotations, ...annotations },
    }));
  if (workloads.length > 0 || !namespace || !asksForSidecars(namespace)) return workloads;
  return [{ name: `Namespace ${namespace.name}`, annotations: namespace.annotations }];
}
