/** Where all of the profile is: a namespace of its own, since it may watch more than one shop. */
import { IDENTITY_DOMAIN, NAMESPACE as SHOP } from "@row/runtime/names.ts";
import type { INamespace } from "kubernetes-models/v1";
import { type About, labels, ownership } from "../about.ts";
import { meshedNamespace } from "../meshed-namespace.ts";

export const NAMESPACE = "observability";

const ABOUT: About = { name: NAMESPACE, component: "namespace", source: "k8s/src/observability" };

export function metadata(name: string, about: About, annotations: Record<string, string> = {}) {
  return {
    name,
    namespace: NAMESPACE,
    labels: labels(about),
    annotations: { ...ownership(about), ...annotations },
  };
}

export function namespace(): INamespace {
  return meshedNamespace(NAMESPACE, ABOUT);
}

/** Who may call a port: one account, or "*" for every account of a namespace. */
export interface Caller {
  readonly account: string;
  readonly namespace: string;
}

/** An account of this namespace. */
export function here(account: string): Caller {
  return { account, namespace: NAMESPACE };
}

export const ANYBODY_IN_THE_SHOP: Caller = { account: "*", namespace: SHOP };
export const ANYBODY_HERE: Caller = here("*");
export const CONTROL_PLANE: Caller = { account: "*", namespace: "linkerd" };

/** "*.shop.serviceaccount.identity.linkerd.cluster.local" */
export function identityOf({ account, namespace }: Caller): string {
  return `${account}.${namespace}.${IDENTITY_DOMAIN}`;
}
