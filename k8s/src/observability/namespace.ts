/** Where all of the profile is: a namespace of its own, since it may watch more than one shop. */
import { IDENTITY_DOMAIN, NAMESPACE as SHOP } from "@row/runtime/names.ts";
import type { INamespace } from "kubernetes-models/v1";
import { type About, labels, ownership } from "../about.ts";
import { PROXY } from "../namespace.ts";

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

/** Everything in it has a sidecar, and nobody may call it whom no policy lets in. */
export function namespace(): INamespace {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: NAMESPACE,
      labels: labels(ABOUT),
      annotations: {
        ...ownership(ABOUT),
        "linkerd.io/inject": "enabled",
        "config.linkerd.io/default-inbound-policy": "deny",
        "config.linkerd.io/proxy-cpu-request": PROXY.cpu,
        "config.linkerd.io/proxy-memory-request": PROXY.memory,
        "config.linkerd.io/proxy-memory-limit": PROXY.memoryLimit,
        "config.linkerd.io/shutdown-grace-period": "5s",
      },
    },
  };
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
