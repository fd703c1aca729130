/** Versions of Linkerd's and the Gateway API's kinds that no CRD of theirs serves. */
import type { Rule } from "../rule.ts";

const ONLY_V1ALPHA1 = ["v1alpha1"];

/** By "group kind": Linkerd 2.20's CRDs, and the Gateway API's standard channel from 1.2.1 to 1.5.1. GRPCRoutes have a rule of their own. */
export const SERVED_VERSIONS: Readonly<Record<string, readonly string[]>> = {
  "policy.linkerd.io AuthorizationPolicy": ONLY_V1ALPHA1,
  "policy.linkerd.io EgressNetwork": ONLY_V1ALPHA1,
  "policy.linkerd.io HTTPLocalRateLimitPolicy": ONLY_V1ALPHA1,
  "policy.linkerd.io HTTPRoute": ["v1beta3", "v1beta2", "v1beta1", "v1alpha1"],
  "policy.linkerd.io MeshTLSAuthentication": ONLY_V1ALPHA1,
  "policy.linkerd.io NetworkAuthentication": ONLY_V1ALPHA1,
  "policy.linkerd.io Server": ["v1beta3", "v1beta2", "v1beta1", "v1alpha1"],
  "policy.linkerd.io ServerAuthorization": ["v1beta1", "v1alpha1"],
  "linkerd.io ServiceProfile": ["v1alpha2", "v1alpha1"],
  "workload.linkerd.io ExternalWorkload": ["v1beta1", "v1alpha1"],
  "gateway.networking.k8s.io Gateway": ["v1", "v1beta1"],
  "gateway.networking.k8s.io GatewayClass": ["v1", "v1beta1"],
  "gateway.networking.k8s.io HTTPRoute": ["v1", "v1beta1"],
};

export const VERSIONS: readonly Rule[] = [
  {
    name: "version-not-served",
    why: "no CRD serves the version: kubectl refuses the resource, no matches for kind",
    fix: "write a version that is served",
    *check({ objects }) {
      for (const { group, kind, name, version, root } of objects) {
        const served = SERVED_VERSIONS[`${group} ${kind}`];
        if (!served || served.includes(version)) continue;
        const message = `${kind} ${name} is of ${group}/${version}`;
        yield { at: root.at("apiVersion"), message, fix: `write apiVersion: ${group}/${served[0]}` };
      }
    },
  },
];
