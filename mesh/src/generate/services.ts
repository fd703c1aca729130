import { FIRST_VERSION, GRPC_PORT } from "@row/runtime/names.ts";
import { isCallable, type MeshedService } from "@row/topology/service-manifest.ts";
import { type KubernetesObject, kubernetesObject } from "./kubernetes-object.ts";

/**
 * Linkerd takes an endpoint out after so many failures in a row; its default is 7. No service answers what a caller did wrong
 * with a status that counts (runtime/src/rpc/uncounted-status.ts), so a failure is a fault of who answers.
 * Thirty in a row come about by chance only where hardly anybody else calls, and are over in a moment where an instance is
 * broken and many call. It is tried again after a second, and at the latest after ten (the default is a minute): a shop
 * with one instance of each should not be away long after that one is well again.
 */
const CIRCUIT_BREAKING = {
  "balancer.linkerd.io/failure-accrual": "consecutive",
  "balancer.linkerd.io/failure-accrual-consecutive-max-failures": "30",
  "balancer.linkerd.io/failure-accrual-consecutive-min-penalty": "1s",
  "balancer.linkerd.io/failure-accrual-consecutive-max-penalty": "10s",
};

// Any other appProtocol, "grpc" included, makes the port opaque to Linkerd.
const GRPC = { name: "grpc", port: GRPC_PORT, targetPort: "grpc", appProtocol: "kubernetes.io/h2c" };
// For those who find what to scrape by Service.
const ADMIN = { name: "admin", port: 9090, targetPort: "admin", appProtocol: "http" };

/**
 * What callers dial, and what routes point to. The apex Service selects every version and is the parent of all routes; a
 * version's own Service is where a route sends a share of the calls.
 */
export function serviceObjects(service: MeshedService): KubernetesObject[] {
  const { name } = service;
  const selector = { "app.kubernetes.io/name": name };
  if (!isCallable(service)) {
    const http = { name: "http", port: service.port, targetPort: "http", appProtocol: "http" };
    const ports = [http, ...(service.kind === "gateway" ? [{ ...GRPC, port: service.grpcPort }] : []), ADMIN];
    return [kubernetesObject("Service", name, name, { spec: { selector, ports } })];
  }
  const version = { ...selector, "app.kubernetes.io/version": FIRST_VERSION };
  return [
    kubernetesObject("Service", name, name, {
      annotations: CIRCUIT_BREAKING,
      spec: { selector, ports: [GRPC, ADMIN] },
    }),
    kubernetesObject("Service", versionName(name), name, { spec: { selector: version, ports: [GRPC] } }),
  ];
}

/** "catalog" → "catalog-v1" */
export function versionName(service: string): string {
  return `${service}-${FIRST_VERSION}`;
}
