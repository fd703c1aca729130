/** Which Servers and authorizations apply to a workload's port. */

import type { Cluster } from "./cluster.ts";
import { type KubeObject, mayBeSame } from "./kube-object.ts";
import { referenceOf } from "./reference.ts";
import { selects, type WorkloadObject } from "./workload.ts";

/** The Servers that select the workload's pods and this port of them. */
export function serversOf(cluster: Cluster, workload: WorkloadObject, port: number): KubeObject[] {
  return cluster.ofKind("Server").filter((server) => {
    if (!mayBeSame(server.namespace, workload.object.namespace)) return false;
    const selector = server.spec.at("podSelector");
    return selector.exists && selects(selector, workload.labels) && portOf(server, workload) === port;
  });
}

/** The number of the Server's port in these pods; undefined when they have no port of that name. */
export function portOf(server: KubeObject, workload: WorkloadObject): number | undefined {
  const port = server.spec.at("port");
  if (port.number !== undefined) return port.number;
  return workload.ports.find(({ name }) => name !== undefined && name === port.text)?.number;
}

/** AuthorizationPolicies whose target is the object. */
export function policiesOn(cluster: Cluster, { group, kind, name, namespace }: KubeObject): KubeObject[] {
  return cluster.ofKind("AuthorizationPolicy").filter((policy) => {
    const target = referenceOf(policy.spec.at("targetRef"));
    const isSame = target.kind === kind && target.name === name && (target.group ?? group) === group;
    return isSame && mayBeSame(policy.namespace, namespace);
  });
}

/** Whether the policy lets somebody in who has no mesh identity, as the kubelet is. */
export function admitsUnmeshed(policy: KubeObject): boolean {
  return policy.spec
    .at("requiredAuthenticationRefs")
    .items.every((ref) => referenceOf(ref).kind === "NetworkAuthentication");
}

/** What is done with requests that nothing authorizes: by the pods' annotation, or their Namespace's. */
export function defaultPolicy(cluster: Cluster, { annotations, object }: WorkloadObject): string {
  const annotation = "config.linkerd.io/default-inbound-policy";
  const namespace = cluster.ofKind("Namespace").find(({ name }) => mayBeSame(name, object.namespace));
  return annotations[annotation] ?? namespace?.annotations[annotation] ?? "all-unauthenticated";
}
