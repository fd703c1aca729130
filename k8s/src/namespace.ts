/** The shop's namespace, and what all that is in it may take. */
import { NAMESPACE } from "@row/runtime/names.ts";
import type { ILimitRange, INamespace, IResourceQuota } from "kubernetes-models/v1";
import { type About, metadata } from "./about.ts";
import { meshedNamespace } from "./meshed-namespace.ts";

const ABOUT: About = { name: NAMESPACE, component: "namespace", source: "k8s" };

export function namespace(): INamespace {
  return meshedNamespace(NAMESPACE, ABOUT);
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
