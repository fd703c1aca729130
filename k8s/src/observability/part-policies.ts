/** Who may call whom in this namespace: the mesh's policy and the network's, from the same lists of callers. */
import type { INetworkPolicy, INetworkPolicyPeer } from "kubernetes-models/networking.k8s.io/v1";
import { type About, labels, ownership } from "../about.ts";
import { type Caller, identityOf, metadata, NAMESPACE } from "./namespace.ts";
import { aboutPart, type Part, type Port } from "./part.ts";

const POLICY_GROUP = "policy.linkerd.io";

/** A Server for every port, closed to everybody who is not named. */
export function meshPolicy(part: Part): object[] {
  return part.ports.flatMap((port) => serverObjects(part, port));
}

function serverObjects(part: Part, { name: port, protocol, callers }: Port): object[] {
  const about = aboutPart(part);
  const name = `${part.name}-${port}`;
  const server = {
    apiVersion: `${POLICY_GROUP}/v1beta3`,
    kind: "Server",
    metadata: metadata(name, about),
    spec: {
      podSelector: { matchLabels: { "app.kubernetes.io/name": part.name } },
      port,
      proxyProtocol: protocol,
      accessPolicy: "deny",
    },
  };
  if (callers.length === 0) return [server];
  return [
    server,
    {
      apiVersion: `${POLICY_GROUP}/v1alpha1`,
      kind: "MeshTLSAuthentication",
      metadata: metadata(name, about),
      spec: { identities: callers.map(identityOf) },
    },
    {
      apiVersion: `${POLICY_GROUP}/v1alpha1`,
      kind: "AuthorizationPolicy",
      metadata: metadata(name, about),
      spec: {
        targetRef: { group: POLICY_GROUP, kind: "Server", name },
        requiredAuthenticationRefs: [{ group: POLICY_GROUP, kind: "MeshTLSAuthentication", name }],
      },
    },
  ];
}

const ABOUT: About = { name: NAMESPACE, component: "namespace", source: "k8s/src/observability/part-policies.ts" };

/** In: who scrapes the sidecars. Out: names, the sidecar's control plane, and where its traces go. */
export function everyPod(scraper: string, collector: string): INetworkPolicy {
  const dns = { ...inNamespace("kube-system"), podSelector: { matchLabels: { "k8s-app": "kube-dns" } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata("every-pod", ABOUT),
    spec: {
      podSelector: {},
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [app(scraper)] }],
      egress: [{ to: [dns, inNamespace("linkerd"), app(collector)] }],
    },
  };
}

/** Peers, not ports, as what comes from a sidecar arrives on the proxy's own port. */
export function networkPolicy(part: Part, all: readonly Part[], further: readonly Egress[] = []): INetworkPolicy {
  const callers = part.ports.flatMap((port) => port.callers);
  const from = distinct(callers.map(peerOf));
  const callees = all.filter((other) =>
    other.ports.some((port) => port.callers.some((caller) => isPart(caller, part))),
  );
  const to = callees.map(({ name }) => app(name));
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: {
      ...metadata(part.name, aboutPart(part)),
      labels: labels(aboutPart(part)),
      annotations: ownership(ABOUT),
    },
    spec: {
      podSelector: { matchLabels: { "app.kubernetes.io/name": part.name } },
      policyTypes: ["Ingress", "Egress"],
      ingress: from.length > 0 ? [{ from }] : [],
      egress: [...(to.length > 0 ? [{ to }] : []), ...further],
    },
  };
}

/** A further rule of a part that reaches what is not among the parts. */
export type Egress = NonNullable<NonNullable<INetworkPolicy["spec"]>["egress"]>[number];

function isPart({ account, namespace }: Caller, part: Part): boolean {
  return namespace === NAMESPACE && account === part.name;
}

function peerOf({ account, namespace }: Caller): INetworkPolicyPeer {
  if (account === "*") return inNamespace(namespace);
  return namespace === NAMESPACE ? app(account) : { ...inNamespace(namespace), ...app(account) };
}

function app(name: string): INetworkPolicyPeer {
  return { podSelector: { matchLabels: { "app.kubernetes.io/name": name } } };
}

export function inNamespace(name: string): INetworkPolicyPeer {
  return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } };
}

function distinct(peers: readonly INetworkPolicyPeer[]): INetworkPolicyPeer[] {
  return [...new Map(peers.map((peer) => [JSON.stringify(peer), peer])).values()];
}
