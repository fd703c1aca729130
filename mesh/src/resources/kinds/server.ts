import type { Fields } from "../fields.ts";
import type { LabelSelector, Server } from "../resource.ts";

export const ACCESS_POLICIES = [
  "deny",
  "audit",
  "all-authenticated",
  "all-unauthenticated",
  "cluster-authenticated",
  "cluster-unauthenticated",
] as const;
export const PROXY_PROTOCOLS = ["unknown", "HTTP/1", "HTTP/2", "gRPC", "opaque", "TLS"] as const;

export function readServer(spec: Fields): Server["spec"] {
  spec.refuse("externalWorkloadSelector", "write podSelector: there are no workloads outside of the mesh");
  return {
    podSelector: readSelector(spec.object("podSelector")),
    port: spec.portOrName("port"),
    proxyProtocol: spec.oneOf("proxyProtocol", PROXY_PROTOCOLS, "unknown"),
    accessPolicy: spec.oneOf("accessPolicy", ACCESS_POLICIES, "deny"),
  };
}

function readSelector(selector: Fields): LabelSelector {
  return {
    matchLabels: selector.texts("matchLabels"),
    matchExpressions: selector.each("matchExpressions", (expression) => {
      const operator = expression.oneOf("operator", ["In", "NotIn", "Exists", "DoesNotExist"]);
      const values = expression.list("values");
      const takesValues = operator === "In" || operator === "NotIn";
      if (takesValues !== values.length > 0) {
        const state = takesValues ? `${operator} needs values` : `${operator} takes no values`;
        expression.problem("values", state, takesValues ? "write at least one" : "remove them");
      }
      return { key: expression.text("key", { wanted: "a label's name" }), operator, values };
    }),
  };
}
