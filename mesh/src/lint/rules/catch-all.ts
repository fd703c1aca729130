import type { RouteRule } from "../route.ts";
import type { Rule } from "../rule.ts";

export const CATCH_ALL: readonly Rule[] = [
  {
    name: "no-catch-all",
    why: "what matches no rule ends in grpc-status 5 NOT_FOUND, health checks and reflection through the Service first",
    fix: "add a rule without matches, in this or another GRPCRoute of the Service, or one for grpc.health.v1.Health",
    *check({ routes }) {
      const outbound = routes.filter(
        ({ kind, isInbound, rules }) => kind === "GRPCRoute" && !isInbound && rules.length > 0,
      );
      const checked = new Set<string>();
      for (const { object, parents } of outbound) {
        for (const parent of parents) {
          const key = `${parent.namespace ?? ""}/${parent.name}:${parent.port ?? ""}`;
          if (parent.kind !== "Service" || checked.has(key)) continue;
          checked.add(key);
          const siblings = outbound.filter((route) =>
            route.parents.some(
              (other) =>
                other.name === parent.name &&
                other.namespace === parent.namespace &&
                (other.port === undefined || other.port === parent.port),
            ),
          );
          if (siblings.some((route) => route.rules.some(catchesAll))) continue;
          yield {
            at: object.root.at("metadata", "name"),
            message: `no GRPCRoute of Service ${parent.name} takes what the others do not match`,
          };
        }
      }
    },
  },
];

function catchesAll({ matches }: RouteRule): boolean {
  if (matches.length === 0) return true;
  return matches.some((match) => {
    if (match.at("headers").items.length > 0) return false;
    const { service, method } = {
      service: match.at("method", "service").text,
      method: match.at("method", "method").text,
    };
    return (service === undefined && method === undefined) || service === "grpc.health.v1.Health";
  });
}
