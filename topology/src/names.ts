/** The names that everybody who runs or meshes the shop goes by: namespace, identities, the gRPC port and labels. */

/** The namespace that the shop's resources live in. */
export const NAMESPACE = "shop";

/** What follows "<account>.<namespace>" in every mesh identity. */
export const IDENTITY_DOMAIN = "serviceaccount.identity.linkerd.cluster.local";

/** "catalog" → catalog.shop.serviceaccount.identity.linkerd.cluster.local */
export function identityOf(account: string, namespace = NAMESPACE): string {
  return `${account}.${namespace}.${IDENTITY_DOMAIN}`;
}

/** The port on which every pod serves gRPC, and every Service offers it. */
export const GRPC_PORT = 50051;

/** The labels by which Services and Servers select a workload's instances. */
export function labelsOf(service: string, version: string): Record<string, string> {
  return {
    "app.kubernetes.io/name": service,
    "app.kubernetes.io/version": version,
    "app.kubernetes.io/part-of": "canary-row",
  };
}
