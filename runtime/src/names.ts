/** The names that a process and those who run, mesh and call it agree on. It imports nothing, so that anything may import it. */

/** The namespace that the shop's resources live in. */
export const NAMESPACE = "shop";

/** What follows "<account>.<namespace>" in every mesh identity. */
export const IDENTITY_DOMAIN = "serviceaccount.identity.linkerd.cluster.local";

/** "catalog" → catalog.shop.serviceaccount.identity.linkerd.cluster.local */
export function identityOf(account: string, namespace = NAMESPACE): string {
  return `${account}.${namespace}.${IDENTITY_DOMAIN}`;
}

/** The version that gets all calls until a split says otherwise. */
export const FIRST_VERSION = "v1";

/** The workload that people call from, as a service would. */
export const TOOLBOX = "toolbox";

/** Who carries end users' requests: they may call what some end user may, and the end user's own rights then decide. */
export const END_USER_CARRIERS: readonly string[] = ["edge", TOOLBOX];

/** The service that a package is of: "shop.orders.v1.OrderService" is served by "orders". */
export function serviceOfType(typeName: string): string {
  return typeName.split(".", 2)[1] ?? "";
}

/** The port on which every pod serves gRPC, and every Service offers it. */
export const GRPC_PORT = 50051;

/** Whose instance a workload is, and of which version. */
export const NAME_LABEL = "app.kubernetes.io/name";
export const VERSION_LABEL = "app.kubernetes.io/version";

/** The labels by which Services and Servers select a workload's instances. */
export function labelsOf(service: string, version: string): Record<string, string> {
  return {
    [NAME_LABEL]: service,
    [VERSION_LABEL]: version,
    "app.kubernetes.io/part-of": "canary-row",
  };
}

/** The variable by which a caller finds a service: CATALOG_ADDRESS. */
export function addressVariable(service: string): string {
  return `${service.toUpperCase().replaceAll("-", "_")}_ADDRESS`;
}

/** The version of an instance: "catalog/v2" of "catalog/v2/catalog-v2-1"; "unknown" where nobody is named. */
export function versionOf(servedBy: string): string {
  const [service, version] = servedBy.split("/");
  return service && version ? `${service}/${version}` : "unknown";
}
