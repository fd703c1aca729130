import type { IContainer, IEnvVar, IPodSpec, IVolume } from "kubernetes-models/v1";
import { type About, selector } from "./about.ts";

/** The user "node" of Node's images; kubelet wants a number to see that it is not root. */
export const NODE_USER = 1000;

/** How long a pod may take to stop, in seconds: until callers know (5), the runtime's own limit (9), and the sidecar last. */
export const GRACE_SECONDS = 30;

/**
 * A pod hears that it must stop at the moment when its callers begin to hear of it. Until they all know, it answers as before:
 * otherwise calls on their way would be refused.
 */
export const STOP_LATER: IContainer["lifecycle"] = { preStop: { sleep: { seconds: 5 } } };

/** What every container may do: next to nothing. */
export const CONFINED: IContainer["securityContext"] = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/**
 * What all pods have in common. Nothing in them talks to Kubernetes, so there is no token; Linkerd's proxy brings one of its
 * own, which is good for its identity alone.
 */
export function confinedPod(account: string, user: number, group = user): Partial<IPodSpec> {
  return {
    serviceAccountName: account,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: group,
      fsGroup: group,
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
  };
}

/** Instances of one version on different nodes and zones where there are several, and together where there is one. */
export function spread(about: About): IPodSpec["topologySpreadConstraints"] {
  return ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: selector(about) },
  }));
}

/** The one place where a read-only container may write. */
export const SCRATCH = {
  volume: { name: "tmp", emptyDir: { sizeLimit: "64Mi" } } satisfies IVolume,
  mount: { name: "tmp", mountPath: "/tmp" },
};

export function fromSecret(name: string, secret: string, key = name): IEnvVar {
  return { name, valueFrom: { secretKeyRef: { name: secret, key } } };
}

/** From the pod's own description. */
export function fromPod(name: string, fieldPath: string): IEnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
