import type { IService } from "kubernetes-models/v1";
import { type About, metadata } from "../about.ts";

/**
 * The ports on which the proxy must not wait for the client to speak first: Linkerd's own list, which this annotation replaces,
 * and NATS (4222) and SMTP (1025), whose servers speak first.
 */
export const OPAQUE = { "config.linkerd.io/opaque-ports": "25,587,1025,3306,4222,4444,5432,6379,9300,11211" };

/** Has a ClusterIP: where clients dial a pod's own address, the mesh neither balances nor knows the port to be opaque. */
export function storeService(about: About, ports: NonNullable<IService["spec"]>["ports"]): IService {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(about.name, about, OPAQUE),
    spec: { selector: { "app.kubernetes.io/name": about.name }, ports },
  };
}
