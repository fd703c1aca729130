import type { Fields } from "../fields.ts";
import type { Service } from "../resource.ts";
import { DNS_LABEL, WANTED_NAME } from "./metadata.ts";

/** Protocols that Linkerd knows by name; a port of any other is opaque to it. */
export const APP_PROTOCOLS = ["kubernetes.io/h2c", "http", "linkerd.io/opaque", "linkerd.io/tcp"];

export function readService(spec: Fields): Service["spec"] {
  spec.only("type", ["ClusterIP"], "write ClusterIP: the mesh serves nothing beyond itself");
  spec.only("sessionAffinity", ["None"], "write None: every call is balanced");
  spec.only("internalTrafficPolicy", ["Cluster"], "write Cluster");
  spec.only("publishNotReadyAddresses", [false], "remove it: calls go to what is ready");
  // A cluster hands these out.
  spec.ignore("clusterIPs", "ipFamilies", "ipFamilyPolicy");
  const clusterIP = spec.optionalText("clusterIP");
  const ports = spec.each(
    "ports",
    (port) => {
      port.only("protocol", ["TCP"], "write TCP: the mesh carries nothing else");
      const name = port.optionalText("name", { pattern: DNS_LABEL, wanted: WANTED_NAME });
      const number = port.integer("port", { from: 1, to: 65_535, wanted: "a port from 1 to 65535" });
      const appProtocol = port.optionalText("appProtocol");
      return {
        ...(name !== undefined && { name }),
        port: number,
        targetPort: port.portOrName("targetPort", number),
        ...(appProtocol !== undefined && { appProtocol }),
      };
    },
    { min: 1, wanted: "a port" },
  );
  return { ...(clusterIP === "None" && { clusterIP }), selector: spec.texts("selector"), ports };
}
