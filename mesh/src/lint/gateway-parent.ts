/** Whether a route's parent is a Gateway, which is what the CRD takes it for when group and kind are not written. */
import { type KubeObjects, mayBeSame } from "./kube-object.ts";
import type { Parent, RouteObject } from "./route.ts";

const GROUP = "gateway.networking.k8s.io";

/** Without a kind it may also be a Service whose kind was forgotten: then neither a Gateway nor the route itself speaks of one. */
export function isGateway(objects: KubeObjects, route: RouteObject, parent: Parent): boolean {
  const { at, group = GROUP, kind = "Gateway", name, namespace } = parent;
  if (group !== GROUP || kind !== "Gateway") return false;
  if (parent.kind !== undefined || at.at("sectionName").exists) return true;
  if (objects.find("Gateway", name, namespace)) return true;
  if (route.object.spec.at("hostnames").items.length > 0) return true;
  const isElsewhere = !mayBeSame(namespace, route.object.namespace);
  const isService = objects.service(name, namespace) !== undefined;
  return !isService && (isElsewhere || !sendsToVersionsOf(route, name));
}

/** "catalog" with backends "catalog" or "catalog-v2" is the Service that is split, and no Gateway. */
function sendsToVersionsOf({ rules }: RouteObject, name = ""): boolean {
  const backends = rules.flatMap((rule) => rule.backends);
  return backends.some((backend) => backend.name === name || backend.name?.startsWith(`${name}-`));
}
