import { createHash } from "node:crypto";
import { NAMESPACE } from "@row/runtime/names.ts";

/** A manifest as it is written to a file. */
export interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    labels: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
}

const API_VERSIONS = {
  Service: "v1",
  ServiceAccount: "v1",
  GRPCRoute: "gateway.networking.k8s.io/v1",
  Server: "policy.linkerd.io/v1beta3",
  AuthorizationPolicy: "policy.linkerd.io/v1alpha1",
  MeshTLSAuthentication: "policy.linkerd.io/v1alpha1",
};

const LONGEST_NAME = 63;

/** An object of the shop's namespace; `owner` is the service or store that it speaks of. */
export function kubernetesObject(
  kind: keyof typeof API_VERSIONS,
  name: string,
  owner: string,
  { annotations, ...fields }: { annotations?: Record<string, string>; [field: string]: unknown } = {},
): KubernetesObject {
  if (name.length > LONGEST_NAME) {
    throw new Error(
      `Cannot write ${kind} ${name}: its name has ${name.length} characters, ${LONGEST_NAME} are allowed`,
    );
  }
  const labels = { "app.kubernetes.io/name": owner, "app.kubernetes.io/part-of": "canary-row" };
  const metadata = { name, namespace: NAMESPACE, labels, ...(annotations ? { annotations } : {}) };
  return { apiVersion: API_VERSIONS[kind], kind, metadata, ...fields };
}

/** The name itself where it fits, else its beginning and a hash of all of it. */
export function fittingName(name: string): string {
  if (name.length <= LONGEST_NAME) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return `${name.slice(0, LONGEST_NAME - 9)}-${hash}`;
}
