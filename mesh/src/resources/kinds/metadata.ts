import { NAMESPACE } from "@row/runtime/names.ts";
import type { Fields } from "../fields.ts";
import type { Metadata } from "../resource.ts";

export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
export const WANTED_NAME = "a DNS label of at most 63 lower-case letters, digits and dashes";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** What Kubernetes itself adds is passed over. */
export function readMetadata(metadata: Fields): Metadata {
  metadata.ignore("uid", "resourceVersion", "generation", "managedFields", "selfLink", "generateName");
  metadata.ignore("finalizers", "ownerReferences", "deletionTimestamp", "deletionGracePeriodSeconds");
  const annotations = metadata.texts("annotations");
  delete annotations[LAST_APPLIED];
  const creationTimestamp = metadata.optionalText("creationTimestamp", {
    pattern: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
    wanted: "a time such as 2026-11-21T09:00:00Z",
  });
  return {
    name: metadata.text("name", { pattern: DNS_LABEL, wanted: WANTED_NAME }),
    namespace: metadata.text("namespace", { pattern: DNS_LABEL, wanted: WANTED_NAME, fallback: NAMESPACE }),
    labels: metadata.texts("labels"),
    annotations,
    ...(creationTimestamp !== undefined && { creationTimestamp }),
  };
}
