/** Which workloads get a sidecar, as far as the manifests at hand say. */

import type { Cluster } from "./cluster.ts";
import { type KubeObject, mayBeSame } from "./kube-object.ts";
import type { WorkloadObject } from "./workload.ts";

export const INJECT = "linkerd.io/inject";
const ON = ["enabled", "ingress"];

/** The Namespaces at hand that the object may be in. */
export function namespacesOf(cluster: Cluster, { namespace }: KubeObject): KubeObject[] {
  return cluster.ofKind("Namespace").filter(({ name }) => mayBeSame(name, namespace));
}

export function isInjected(cluster: Cluster, { object, annotations }: WorkloadObject): boolean {
  const own = annotations[INJECT];
  if (own !== undefined) return ON.includes(own);
  return namespacesOf(cluster, object).some((namespace) => asksForSidecars(namespace));
}

export function asksForSidecars({ annotations }: KubeObject): boolean {
  return ON.includes(annotations[INJECT] ?? "");
}
