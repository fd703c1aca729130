import { NAMESPACE } from "@row/runtime/names.ts";
import type { INetworkPolicy, INetworkPolicyPeer } from "kubernetes-models/networking.k8s.io/v1";
import { type About, metadata } from "./about.ts";
import type { Connection } from "./connections.ts";

// Peers, not ports: what comes from a sidecar arrives on the proxy's own port, whatever port it is for. Who may do what on
// which port is for the mesh's policy to say.

const ABOUT: About = { name: NAMESPACE, component: "namespace", source: "k8s/src/network-policies.ts" };

/** Namespaces in which somebody may scrape and watch: the observability profile, and Linkerd's viz extension. */
const WATCHERS = ["observability", "linkerd-viz"];

/**
 * Nobody in, nobody out, but for what every pod needs: names, its sidecar's control plane, where traces go, and those who
 * scrape. The kubelet's probes are let in by Kubernetes itself.
 */
export function everyPod(): INetworkPolicy {
  const dns = { ...inNamespace("kube-system"), podSelector: { matchLabels: { "k8s-app": "kube-dns" } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata("every-pod", ABOUT),
    spec: {
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: WATCHERS.map(inNamespace) }],
      egress: [{ to: [dns, inNamespace("linkerd"), inNamespace("observability")] }],
    },
  };
}

/** Who may connect to one workload, and where it may connect to. */
export function networkPolicy(name: string, connections: readonly Connection[], isPublic: boolean): INetworkPolicy {
  const callers = peers(connections.filter(({ to }) => to === name).map(({ from }) => from));
  const callees = peers(connections.filter(({ from }) => from === name).map(({ to }) => to));
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata(name, { ...ABOUT, name }),
    spec: {
      podSelector: { matchLabels: { "app.kubernetes.io/name": name } },
      policyTypes: ["Ingress", "Egress"],
      // An empty rule is for everybody, an empty list for nobody.
      ingress: isPublic ? [{}] : callers.length > 0 ? [{ from: callers }] : [],
      egress: callees.length > 0 ? [{ to: callees }] : [],
    },
  };
}

function inNamespace(name: string): INetworkPolicyPeer {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } };
}

function peers(names: readonly string[]): INetworkPolicyPeer[] {
  return [...new Set(names)]
    .sort()
    .map((name) => ({ podSelector: { matchLabels: { "app.kubernetes.io/name": name } } }));
}
