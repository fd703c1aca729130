import type { Rule } from "../rule.ts";

export const BACKENDS: readonly Rule[] = [
  {
    name: "backend-without-port",
    why: 'Linkerd\'s webhook refuses it ("cannot reference a Service without a port"); where the webhook is down, the route does nothing',
    fix: "write the Service's port",
    *check({ routes, gatewayRoutes }) {
      for (const { at, kind, name, port } of [...routes, ...gatewayRoutes].flatMap((route) =>
        route.rules.flatMap((rule) => rule.backends),
      )) {
        if (kind === "Service" && port === undefined) yield { at, message: `the backend ${name} has no port` };
      }
    },
  },
  {
    name: "missing-backend",
    why: "it keeps its share of the calls and fails all of them: grpc-status 2 UNKNOWN, HTTP 500, route status BackendNotFound",
    fix: "correct the name or the port, or add the Service",
    *check(cluster) {
      for (const { at, kind, name, namespace, port } of [...cluster.routes, ...cluster.gatewayRoutes].flatMap((route) =>
        route.rules.flatMap((rule) => rule.backends),
      )) {
        if (kind !== "Service" || !cluster.knows("Service", namespace)) continue;
        const service = cluster.service(name, namespace);
        if (!service) yield { at: at.at("name"), message: `there is no Service ${name}` };
        else if (
          port !== undefined &&
          !service.spec.at("ports").items.some((item) => item.at("port").number === port)
        ) {
          yield { at: at.at("port"), message: `Service ${name} has no port ${port}` };
        }
      }
    },
  },
  {
    name: "weights-all-zero",
    why: "Linkerd takes the rule for invalid and fails every request that it matches",
    fix: "give one of them a weight",
    *check({ routes }) {
      for (const { at, backends } of routes.flatMap((route) => route.rules)) {
        if (backends.length < 2 || backends.some(({ weight }) => weight !== 0)) continue;
        yield { at: at.at("backendRefs"), message: `the weight is 0 in all ${backends.length} backendRefs` };
      }
    },
  },
  {
    name: "lone-weight-zero",
    why: "Linkerd ignores the weight of a single backend: it gets every call of the rule, where the Gateway API promises none",
    fix: "add the backend that the calls are to go to, or remove the weight",
    *check({ routes }) {
      for (const { backends } of routes.flatMap((route) => route.rules)) {
        const [only, ...others] = backends;
        if (only?.weight !== 0 || others.length > 0) continue;
        yield { at: only.at.at("weight"), message: `the only backendRef, ${only.name}, has weight 0` };
      }
    },
  },
  {
    name: "weights-differ",
    why: "some methods of the Service see another split than others: a canary gets more or less than the weight that its numbers are read by",
    fix: "write the same weights in every route and rule of the Service",
    *check({ routes }) {
      const first = new Map<string, string>();
      for (const { kind, object, parents, rules, isInbound } of routes) {
        if (kind !== "GRPCRoute" || isInbound) continue;
        for (const { at, matches, backends } of rules) {
          // A rule that matches headers is there to go elsewhere.
          if (backends.length === 0 || matches.some((match) => match.at("headers").items.length > 0)) continue;
          const shares = sharesOf(backends);
          for (const { kind: parentKind, name, namespace, port } of parents) {
            if (parentKind !== "Service") continue;
            // Methods that go to other backends are routed, not split.
            const names = backends.map((backend) => backend.name).sort();
            const key = `${namespace ?? object.namespace ?? ""}/${name}:${port ?? ""} ${names.join()}`;
            const expected = first.get(key);
            if (expected === undefined) first.set(key, shares);
            else if (expected !== shares) {
              yield {
                at: at.at("backendRefs"),
                message: `Service ${name} is split ${shares} here, and ${expected} elsewhere`,
              };
            }
          }
        }
      }
    },
  },
];

/** "catalog-v1 90 %, catalog-v2 10 %": the same for weights of the same proportions. */
function sharesOf(backends: readonly { name: string | undefined; weight: number }[]): string {
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  return backends
    .filter(({ weight }) => weight > 0)
    .map(({ name, weight }) => `${name} ${Number(((100 * weight) / total).toFixed(2))} %`)
    .sort()
    .join(", ");
}
