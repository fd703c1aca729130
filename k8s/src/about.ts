import { NAMESPACE } from "@row/runtime/names.ts";

export type Component = "service" | "store" | "job" | "tool" | "outside" | "namespace";

/** What the labels and annotations of everything that belongs to one workload say. */
export interface About {
  /** By this name Services, Servers and NetworkPolicies find its pods. */
  readonly name: string;
  readonly component: Component;
  /** "v1"; stores have the version of what they run. */
  readonly version?: string;
  /** Who answers for it. */
  readonly owner?: string;
  /** Where its source is, from the repository's root. */
  readonly source: string;
}

const DEFAULT_OWNER = "canary-row";

/** The labels of an object, and of pods. */
export function labels({ name, component, version }: About): Record<string, string> {
  return {
    "app.kubernetes.io/name": name,
    ...(version ? { "app.kubernetes.io/version": version } : {}),
    "app.kubernetes.io/component": component,
    "app.kubernetes.io/part-of": "canary-row",
  };
}

/** What does not change while versions come and go. */
export function selector({ name, version }: About): Record<string, string> {
  return { "app.kubernetes.io/name": name, ...(version ? { "app.kubernetes.io/version": version } : {}) };
}

/** Metadata of an object in the shop's namespace. */
export function metadata(name: string, about: About, annotations: Record<string, string> = {}) {
  return { name, namespace: NAMESPACE, labels: labels(about), annotations: { ...ownership(about), ...annotations } };
}

/** Whom to ask, in the annotations that many catalogues of services read. */
export function ownership({ owner = DEFAULT_OWNER, source }: About): Record<string, string> {
  return { "a8r.io/owner": owner, "a8r.io/repository": source };
}
