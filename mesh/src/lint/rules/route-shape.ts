import { isRecord } from "../../resources/manifest.ts";
import type { Rule } from "../rule.ts";
import type { Value } from "../value.ts";

const FILTERS = {
  GRPCRoute: ["RequestHeaderModifier"],
  HTTPRoute: ["RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect"],
};
const UNKNOWN_FIELDS = {
  GRPCRoute: ["name", "timeouts", "retry", "sessionPersistence"],
  HTTPRoute: ["name", "retry", "sessionPersistence"],
};

/** An empty mapping names nothing. */
function namesMethod(match: Value): boolean {
  return match.at("method", "service").exists || match.at("method", "method").exists;
}

export const ROUTE_SHAPE: readonly Rule[] = [
  {
    name: "grpcroute-version",
    why: "Gateway API has served GRPCRoute as v1 only since 1.2: kubectl refuses any other version",
    fix: "write apiVersion: gateway.networking.k8s.io/v1",
    *check({ routes, gatewayRoutes }) {
      for (const { kind, object } of [...routes, ...gatewayRoutes]) {
        if (kind !== "GRPCRoute" || (object.group === "gateway.networking.k8s.io" && object.version === "v1")) continue;
        yield {
          at: object.root.at("apiVersion"),
          message: `GRPCRoute ${object.name} is of ${object.group}/${object.version}`,
        };
      }
    },
  },
  {
    name: "route-without-rules",
    why: "Linkerd takes a GRPCRoute without rules for invalid and fails every request to the Service",
    fix: "write at least a rule with backendRefs and no matches, which matches everything",
    *check({ routes }) {
      for (const { kind, object, rules } of routes) {
        if (kind === "GRPCRoute" && rules.length === 0)
          yield { at: object.spec.at("rules"), message: `GRPCRoute ${object.name} has no rules` };
      }
    },
  },
  {
    name: "route-limits",
    why: "the API server refuses the route; a GRPCRoute's rule takes 8 matches in Gateway API 1.2.1, which Linkerd recommends",
    fix: "split it into several routes of the same parent",
    *check({ routes }) {
      for (const { kind, object, rules } of routes) {
        const lists = [
          { at: object.spec.at("rules"), name: "rules", most: 16 },
          ...rules.map(({ at }) => ({ at: at.at("matches"), name: "matches", most: kind === "GRPCRoute" ? 8 : 64 })),
          ...rules.map(({ at }) => ({ at: at.at("backendRefs"), name: "backendRefs", most: 16 })),
        ];
        for (const { at, name, most } of lists) {
          const count = at.items.length;
          if (count > most) yield { at, message: `it has ${count} ${name}, and ${most} are the most` };
        }
      }
    },
  },
  {
    name: "header-match-without-method",
    why: "proxies up to v2.366.0 refuse the whole policy: every request to the Service ends in grpc-status 13 INTERNAL",
    fix: "write method: {service: …} beside the headers",
    *check({ routes }) {
      for (const match of routes.flatMap((route) =>
        route.kind === "GRPCRoute" ? route.rules.flatMap((rule) => rule.matches) : [],
      )) {
        if (match.at("headers").items.length === 0 || namesMethod(match)) continue;
        yield { at: match.at("headers"), message: "the match has headers and no method" };
      }
    },
  },
  {
    name: "regular-expression-method",
    why: "Linkerd matches gRPC methods exactly only and rejects the route, which then does nothing",
    fix: "leave type out, and write one match for each method, or service alone for all of its methods",
    *check({ routes }) {
      for (const match of routes.flatMap((route) =>
        route.kind === "GRPCRoute" ? route.rules.flatMap((rule) => rule.matches) : [],
      )) {
        const type = match.at("method", "type");
        if (type.exists && type.text !== "Exact") yield { at: type, message: `the method is matched by ${type.text}` };
      }
    },
  },
  {
    name: "unsupported-filter",
    why: "Linkerd rejects the route, or the proxy the whole policy: every request ends in grpc-status 13 INTERNAL",
    fix: "remove it; RequestHeaderModifier is what works in every route",
    *check({ routes }) {
      for (const { kind, rules } of routes) {
        for (const filter of rules
          .flatMap((rule) => [rule.at, ...rule.backends.map((backend) => backend.at)])
          .flatMap((at) => at.at("filters").items)) {
          const type = filter.at("type");
          if (type.text === undefined || FILTERS[kind].includes(type.text)) continue;
          const silently =
            type.text === "RequestMirror"
              ? ": nothing is mirrored, and Linkerd keeps what the route said before, while its status says Accepted"
              : "";
          yield { at: type, message: `${type.text} does not work in a ${kind}${silently}` };
        }
      }
    },
  },
  {
    name: "unknown-route-field",
    why: "Gateway API 1.2.1 drops the field, and Linkerd 2.20 ignores a resource with fields that 1.2.1 does not know",
    fix: "remove it; write timeouts and retries as annotations (timeout.linkerd.io/…, retry.linkerd.io/…)",
    *check({ routes }) {
      for (const { kind, object, rules } of routes) {
        if (object.group !== "gateway.networking.k8s.io") continue;
        for (const { at } of rules) {
          const names = isRecord(at.raw) ? Object.keys(at.raw) : [];
          for (const name of names.filter((field) => UNKNOWN_FIELDS[kind].includes(field))) {
            yield { at: at.at(name), message: `${name} is no field of a ${kind}'s rule` };
          }
        }
      }
    },
  },
];
