/** Steps of an Argo Rollout that its Gateway API plugin writes into routes, where Linkerd does not take them. */

import type { Cluster } from "../cluster.ts";
import { isGateway } from "../gateway-parent.ts";
import { type KubeObject, mayBeSame } from "../kube-object.ts";
import type { RouteObject } from "../route.ts";
import type { Rule } from "../rule.ts";

const PLUGIN = "argoproj-labs/gatewayAPI";

export const ROLLOUTS: readonly Rule[] = [
  {
    name: "rollout-step",
    why: "setHeaderRoute appends a rule that matches headers alone, for which Linkerd fails every request with grpc-status 13; setMirrorRoute works with Istio only",
    fix: "name a method (method: {service: …}) in every match of the GRPCRoute before setHeaderRoute; remove setMirrorRoute",
    *check(cluster) {
      for (const rollout of cluster.ofKind("Rollout")) {
        const canary = rollout.spec.at("strategy", "canary");
        if (!canary.at("trafficRouting", "plugins", PLUGIN).exists) continue;
        const open = routesOf(cluster, rollout).find((route) => !namesMethods(route));
        for (const step of canary.at("steps").items) {
          const [header, mirror] = [step.at("setHeaderRoute"), step.at("setMirrorRoute")];
          if (mirror.exists) yield { at: mirror, message: `Rollout ${rollout.name} mirrors requests` };
          if (header.at("match").exists && open) {
            const { name } = open.object;
            yield {
              at: header,
              message: `Rollout ${rollout.name} routes by a header, and GRPCRoute ${name} names no method`,
            };
          }
        }
      }
    },
  },
];

function namesMethods({ rules }: RouteObject): boolean {
  return rules.every(
    ({ matches }) => matches.length > 0 && matches.every((match) => match.at("method", "service").text !== undefined),
  );
}

/** The GRPCRoutes that the plugin changes, as far as they are at hand and Linkerd serves them. */
function routesOf(cluster: Cluster, { namespace, spec }: KubeObject): RouteObject[] {
  const plugin = spec.at("strategy", "canary", "trafficRouting", "plugins", PLUGIN);
  const names = [plugin.at("grpcRoute").text, ...plugin.at("grpcRoutes").items.map((item) => item.at("name").text)];
  const where = plugin.at("namespace").text ?? namespace;
  return cluster.routes.filter(
    (route) =>
      route.kind === "GRPCRoute" &&
      names.includes(route.object.name) &&
      mayBeSame(route.object.namespace, where) &&
      route.parents.some((parent) => !isGateway(cluster, route, parent)),
  );
}
