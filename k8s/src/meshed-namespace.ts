/** A namespace whose pods get a sidecar each, and that nobody may call whom no policy lets in. */
import type { INamespace } from "kubernetes-models/v1";
import { type About, labels, ownership } from "./about.ts";

/** What a sidecar takes: with a quota there must be numbers for it too, and the autoscaler's sums need them. */
const PROXY = { cpu: "20m", memory: "24Mi", memoryLimit: "128Mi" };

export function meshedNamespace(name: string, about: About): INamespace {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name,
      labels: labels(about),
      annotations: {
        ...ownership(about),
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
