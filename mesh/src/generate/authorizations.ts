import { identityOf } from "@row/runtime/names.ts";
import { type KubernetesObject, kubernetesObject } from "./kubernetes-object.ts";

const POLICY_GROUP = "policy.linkerd.io";

/** What an AuthorizationPolicy may be about. */
export interface Target {
  readonly kind: "Server" | "GRPCRoute";
  readonly name: string;
}

export function routeParent(server: string) {
  return { group: POLICY_GROUP, kind: "Server", name: server };
}

/** Lets those with one of these identities use the target, and nobody else by this policy. */
export function allowIdentities(
  name: string,
  owner: string,
  target: Target,
  identities: readonly string[],
): KubernetesObject[] {
  return [
    kubernetesObject("MeshTLSAuthentication", name, owner, { spec: { identities } }),
    kubernetesObject("AuthorizationPolicy", name, owner, {
      spec: {
        targetRef: targetRef(target),
        requiredAuthenticationRefs: [{ group: POLICY_GROUP, kind: "MeshTLSAuthentication", name }],
      },
    }),
  ];
}

/** Lets those who run under one of these accounts of the shop use the target. */
export function allowAccounts(
  name: string,
  owner: string,
  target: Target,
  accounts: readonly string[],
): KubernetesObject[] {
  const identities = [...accounts].sort().map((account) => identityOf(account));
  return allowIdentities(name, owner, target, identities);
}

/** Lets anybody use the target, in the mesh or not. */
export function allowAnybody(name: string, owner: string, target: Target): KubernetesObject {
  const spec = { targetRef: targetRef(target), requiredAuthenticationRefs: [] };
  return kubernetesObject("AuthorizationPolicy", name, owner, { spec });
}

function targetRef({ kind, name }: Target) {
  return { group: kind === "Server" ? POLICY_GROUP : "gateway.networking.k8s.io", kind, name };
}
