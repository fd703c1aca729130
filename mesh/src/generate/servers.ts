import { identityOf } from "@row/runtime/names.ts";
import { allowIdentities } from "./authorizations.ts";
import { type KubernetesObject, kubernetesObject } from "./kubernetes-object.ts";

/** Where Prometheus runs in a cluster: its own namespace, since it watches more than the shop. */
export const SCRAPER = identityOf("prometheus", "observability");

/** A port of every workload of this name, closed to everybody whom no AuthorizationPolicy lets in. */
export function server(
  name: string,
  owner: string,
  port: number | string,
  proxyProtocol: "gRPC" | "HTTP/1" | "opaque",
): KubernetesObject {
  const podSelector = { matchLabels: { "app.kubernetes.io/name": owner } };
  return kubernetesObject("Server", name, owner, { spec: { podSelector, port, proxyProtocol, accessPolicy: "deny" } });
}

/**
 * The admin port: Prometheus scrapes it. The kubelet's httpGet probes need no policy, as long as the Server is not gRPC
 * and has no route of its own, which is why this one is authorized as a whole.
 */
export function adminServer(owner: string): KubernetesObject[] {
  const name = `${owner}-admin`;
  return [
    server(name, owner, "admin", "HTTP/1"),
    ...allowIdentities(`${owner}-scraping`, owner, { kind: "Server", name }, [SCRAPER]),
  ];
}

/** The identity that a workload runs under; every workload has its own. */
export function account(name: string, owner = name): KubernetesObject {
  return kubernetesObject("ServiceAccount", name, owner);
}
