import { isInside, isNetwork } from "../../resources/network.ts";
import { mayBeSame } from "../kube-object.ts";
import { referenceOf } from "../reference.ts";
import type { Rule } from "../rule.ts";

const TARGETS: Readonly<Record<string, readonly string[]>> = {
  Server: ["policy.linkerd.io"],
  HTTPRoute: ["policy.linkerd.io", "gateway.networking.k8s.io"],
  GRPCRoute: ["gateway.networking.k8s.io"],
  Namespace: [""],
};
const AUTHENTICATIONS: Readonly<Record<string, string>> = {
  MeshTLSAuthentication: "policy.linkerd.io",
  NetworkAuthentication: "policy.linkerd.io",
  ServiceAccount: "",
};

export const AUTHORIZATION: readonly Rule[] = [
  {
    name: "authorization-target",
    why: "Linkerd's webhook refuses it; where the webhook is down, the policy authorizes nobody",
    fix: "point it at a Server, a GRPCRoute, an HTTPRoute, or its own Namespace, each with its group",
    *check(cluster) {
      for (const { name, namespace, spec } of cluster.ofKind("AuthorizationPolicy")) {
        const { at, group = "", kind = "nothing", name: target } = referenceOf(spec.at("targetRef"));
        if (!TARGETS[kind]?.includes(group))
          yield { at, message: `AuthorizationPolicy ${name} targets ${group || "core"}/${kind}` };
        else if (kind === "Namespace" && !mayBeSame(target, namespace)) {
          yield { at, message: `AuthorizationPolicy ${name} targets the Namespace ${target}, which is not its own` };
        }
      }
    },
  },
  {
    name: "missing-target",
    why: "the policy does nothing: callers that it should let in are denied",
    fix: "correct the name, or add what it names",
    *check(cluster) {
      for (const { kind, name, namespace, spec } of cluster.ofKind("AuthorizationPolicy", "HTTPLocalRateLimitPolicy")) {
        const target = referenceOf(spec.at("targetRef"));
        const { kind: targetKind = "" } = target;
        if (!["Server", "GRPCRoute", "HTTPRoute"].includes(targetKind) || !cluster.knows(targetKind, namespace))
          continue;
        if (cluster.find(targetKind, target.name, namespace, target.group)) continue;
        // Linkerd's HTTPRoute and the Gateway API's are two kinds of one name.
        const other = cluster.find(targetKind, target.name, namespace);
        const but = other ? `: ${other.group}/${targetKind} ${target.name} is` : "";
        const group = other ? `${target.group || "core"}/` : "";
        yield {
          at: target.at.at(other ? "group" : "name"),
          message: `${kind} ${name} targets the ${group}${targetKind} ${target.name}, which is not there${but}`,
        };
      }
      for (const { name, namespace, spec } of cluster.ofKind("ServerAuthorization")) {
        const at = spec.at("server", "name");
        if (at.text === undefined || !cluster.knows("Server", namespace)) continue;
        if (cluster.find("Server", at.text, namespace)) continue;
        yield { at, message: `ServerAuthorization ${name} names the Server ${at.text}, which is not there` };
      }
    },
  },
  {
    name: "required-authentications",
    why: "Linkerd's webhook refuses it: all of them would have to hold at once, and a client has one identity",
    fix: "keep at most one MeshTLSAuthentication or ServiceAccount and at most one NetworkAuthentication; write another policy for other clients",
    *check(cluster) {
      for (const { name, spec } of cluster.ofKind("AuthorizationPolicy")) {
        const refs = spec.at("requiredAuthenticationRefs");
        if (!refs.exists) {
          yield {
            at: spec,
            message: `AuthorizationPolicy ${name} has no requiredAuthenticationRefs`,
            fix: "write who may call, or [] for anybody",
          };
          continue;
        }
        const required = refs.items.map(referenceOf);
        const unknown = required.find(({ group = "", kind = "" }) => AUTHENTICATIONS[kind] !== group);
        const fix =
          "write group: policy.linkerd.io with MeshTLSAuthentication or NetworkAuthentication, or kind: ServiceAccount without a group";
        if (unknown)
          yield {
            at: unknown.at,
            message: `AuthorizationPolicy ${name} requires ${unknown.group || "core"}/${unknown.kind}`,
            fix,
          };
        const byNetwork = required.filter(({ kind }) => kind === "NetworkAuthentication").length;
        if (byNetwork > 1)
          yield { at: refs, message: `AuthorizationPolicy ${name} requires ${byNetwork} NetworkAuthentications` };
        if (refs.items.length - byNetwork > 1)
          yield {
            at: refs,
            message: `AuthorizationPolicy ${name} requires ${refs.items.length - byNetwork} identities at once`,
          };
      }
    },
  },
  {
    name: "missing-authentication",
    why: "the policy matches nobody: callers that it should let in get PERMISSION_DENIED",
    fix: "correct the name or the namespace, or add what it names",
    *check(cluster) {
      for (const { name, namespace: own, spec } of cluster.ofKind("AuthorizationPolicy")) {
        for (const ref of spec.at("requiredAuthenticationRefs").items) {
          const { kind = "", name: required, namespace = own } = referenceOf(ref);
          const isKnown = AUTHENTICATIONS[kind] !== undefined && cluster.knows(kind, namespace);
          if (!isKnown || cluster.find(kind, required, namespace)) continue;
          const message = `AuthorizationPolicy ${name} requires the ${kind} ${required}, which is not there`;
          yield { at: ref.at("name"), message };
        }
      }
    },
  },
  {
    name: "network-authentication",
    why: "Linkerd's webhook refuses it; where the webhook is down, the authentication matches nobody, or more than was meant",
    fix: "write at least one network (cidr: 10.0.0.0/8), and under except only networks inside it",
    *check(cluster) {
      for (const { name, spec } of cluster.ofKind("NetworkAuthentication")) {
        const networks = spec.at("networks");
        if (networks.items.length === 0)
          yield { at: networks, message: `NetworkAuthentication ${name} has no networks` };
        for (const network of networks.items) {
          const cidr = network.at("cidr").text ?? "";
          if (!isNetwork(cidr)) yield { at: network.at("cidr"), message: `"${cidr}" is no network` };
          for (const hole of network.at("except").items) {
            if (!isNetwork(hole.text ?? "")) yield { at: hole, message: `${JSON.stringify(hole.raw)} is no network` };
            else if (isNetwork(cidr) && !isInside(hole.text ?? "", cidr))
              yield { at: hole, message: `${hole.text} is not inside ${cidr}` };
          }
        }
      }
    },
  },
];
