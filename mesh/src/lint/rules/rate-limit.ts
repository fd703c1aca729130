import { mayBeSame } from "../kube-object.ts";
import { referenceOf } from "../reference.ts";
import type { Rule } from "../rule.ts";

const KIND = "HTTPLocalRateLimitPolicy";

export const RATE_LIMIT: readonly Rule[] = [
  {
    name: "rate-limit-on-grpc",
    why: "the proxy has no rate limits for a Server of proxyProtocol gRPC: nothing is limited, silently",
    fix: "write proxyProtocol: HTTP/2 on the Server, and HTTPRoutes instead of GRPCRoutes on it",
    *check(cluster) {
      for (const { name, namespace, spec } of cluster.ofKind(KIND)) {
        const { at, kind, name: target } = referenceOf(spec.at("targetRef"));
        const server = kind === "Server" ? cluster.find("Server", target, namespace) : undefined;
        if (server?.spec.at("proxyProtocol").text !== "gRPC") continue;
        yield { at, message: `${KIND} ${name} limits the gRPC Server ${server.name}` };
      }
    },
  },
  {
    name: "rate-limit-values",
    why: "Linkerd's webhook refuses it; where the webhook is down, the limit is not what was written",
    fix: "write requestsPerSecond of 1 or more, identity and overrides at most total, and ServiceAccounts as clientRefs",
    *check(cluster) {
      for (const { name, spec } of cluster.ofKind(KIND)) {
        const limits = [spec.at("total"), spec.at("identity"), ...spec.at("overrides").items].filter(
          ({ exists }) => exists,
        );
        if (limits.length === 0) yield { at: spec, message: `${KIND} ${name} limits nothing` };
        const total = spec.at("total", "requestsPerSecond").number ?? Number.POSITIVE_INFINITY;
        for (const at of limits.map((limit) => limit.at("requestsPerSecond"))) {
          const rate = at.number;
          if (rate === undefined || !Number.isInteger(rate) || rate < 1)
            yield { at, message: `requestsPerSecond is ${String(at.raw)}` };
          else if (rate > total) yield { at, message: `requestsPerSecond is ${rate}, above the total of ${total}` };
        }
        for (const ref of spec.at("overrides").items.flatMap((override) => override.at("clientRefs").items)) {
          const { kind } = referenceOf(ref);
          if (kind !== "ServiceAccount") yield { at: ref.at("kind"), message: `the client is a ${kind}` };
        }
      }
    },
  },
  {
    name: "rate-limit-target",
    why: "only Servers can be limited, each by one policy: another is refused, or ignored",
    fix: "write targetRef: {group: policy.linkerd.io, kind: Server, name: …}, and one policy for each Server",
    *check(cluster) {
      const policies = cluster.ofKind(KIND);
      for (const [index, { name, namespace, spec }] of policies.entries()) {
        const { at: target, group, kind, name: targetName } = referenceOf(spec.at("targetRef"));
        if (group !== "policy.linkerd.io" || kind !== "Server")
          yield { at: target, message: `${KIND} ${name} targets ${group || "core"}/${kind}` };
        const other = policies
          .slice(0, index)
          .find(
            (earlier) =>
              mayBeSame(earlier.namespace, namespace) && earlier.spec.at("targetRef", "name").text === targetName,
          );
        if (other)
          yield { at: target, message: `${KIND}s ${other.name} and ${name} both target the Server ${targetName}` };
      }
    },
  },
];
