import { NAMESPACE } from "@row/runtime/names.ts";
import type { ILimitRange, INamespace, IResourceQuota } from "kubernetes-models/v1";
import { type About, labels, metadata, ownership } from "./about.ts";

const ABOUT: About = { name: NAMESPACE, component: "namespace", source: "k8s" };

/** What a sidecar takes: with a quota there must be numbers for it too, and the autoscaler's sums need them. */
export const PROXY = { cpu: "20m", memory: "24Mi", memoryLimit: "128Mi" };

/** The namespace says that its pods get a sidecar, and that nobody may call them whom no policy lets in. */
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
        // The sidecar stops last. Peers keep their connections open, for which it would wait until it is killed.
        "config.linkerd.io/shutdown-grace-period": "5s",
      },
    },
  };
}

/** More than core asks for: room for a rollout's surge, a second version of everything, and what the autoscaler adds. */
export function quota(): IResourceQuota {
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: metadata(NAMESPACE, ABOUT),
    spec: {
      hard: {
        "requests.cpu": "8",
        "requests.memory": "8Gi",
        "limits.memory": "24Gi",
        "requests.storage": "20Gi",
        persistentvolumeclaims: "10",
        pods: "100",
      },
    },
  };
}

/** For containers that say nothing themselves, which a quota would refuse: a debug container, a pod made by hand. */
export function limitRange(): ILimitRange {
  return {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: metadata(NAMESPACE, ABOUT),
    spec: {
      limits: [
        {
          type: "Container",
          defaultRequest: { cpu: "20m", memory: "32Mi" },
          default: { memory: "256Mi" },
          max: { memory: "2Gi" },
        },
      ],
    },
  };
}
