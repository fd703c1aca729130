import type { Rule } from "../rule.ts";

export const LEGACY: readonly Rule[] = [
  {
    name: "service-profile",
    why: "a ServiceProfile wins over routes and over retry and timeout annotations, and switches circuit breaking off, silently",
    fix: "write a GRPCRoute with annotations instead, and delete the ServiceProfile",
    *check(cluster) {
      for (const { root, name } of cluster.ofKind("ServiceProfile"))
        yield { at: root.at("kind"), message: `ServiceProfile ${name}` };
    },
  },
  {
    name: "traffic-split",
    why: "the linkerd-smi extension is deprecated; without it a TrafficSplit does nothing",
    fix: "write the weights into the backendRefs of a GRPCRoute",
    *check(cluster) {
      for (const { root, name } of cluster.ofKind("TrafficSplit"))
        yield { at: root.at("kind"), message: `TrafficSplit ${name}` };
    },
  },
  {
    name: "server-authorization",
    why: "the older form cannot authorize single methods, and adds up with the AuthorizationPolicies of the same Server",
    fix: "write an AuthorizationPolicy with a MeshTLSAuthentication or a NetworkAuthentication",
    *check(cluster) {
      for (const { root, name } of cluster.ofKind("ServerAuthorization"))
        yield { at: root.at("kind"), message: `ServerAuthorization ${name}` };
    },
  },
  {
    name: "policy-version",
    why: "the version is deprecated, and fields such as accessPolicy are not in it",
    fix: "write apiVersion: policy.linkerd.io/v1beta3 for a Server, v1alpha1 for the other policies",
    *check(cluster) {
      for (const { root, name, version, group } of cluster.ofKind("Server")) {
        if (group === "policy.linkerd.io" && ["v1alpha1", "v1beta1"].includes(version))
          yield { at: root.at("apiVersion"), message: `Server ${name} is of ${version}` };
      }
    },
  },
];
