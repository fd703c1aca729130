/** Looking things up in a MeshView. */

import { GRPC_PORT, NAMESPACE } from "@row/runtime/names.ts";
import type { BackendReference, GrpcRoute, Kind, Reference, Resource, Service } from "../../resources/resource.ts";
import type { MeshView, Workload } from "../workload.ts";

/** All resources of a kind. */
export function ofKind<K extends Kind>(view: MeshView, kind: K): Extract<Resource, { kind: K }>[] {
  return view.resources.filter((resource): resource is Extract<Resource, { kind: K }> => resource.kind === kind);
}

/** The Service of a name in the workloads' namespace. */
export function serviceNamed(view: MeshView, name: string, namespace = NAMESPACE): Service | undefined {
  return ofKind(view, "Service").find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
}

/** The instances that a Service stands for, ready or not, in the order of their names. */
export function endpointsOf(view: MeshView, service: Service): Workload[] {
  const wanted = Object.entries(service.spec.selector);
  if (wanted.length === 0) return [];
  return view.workloads
    .filter(
      ({ labels, inboundPort }) => inboundPort !== undefined && wanted.every(([key, value]) => labels[key] === value),
    )
    .sort((a, b) => (a.instance < b.instance ? -1 : 1));
}

/** The routes of calls to a Service. */
export function outboundRoutes(view: MeshView, service: Service): GrpcRoute[] {
  return ofKind(view, "GRPCRoute").filter((route) =>
    route.spec.parentRefs.some(
      (parent) =>
        isService(parent) &&
        parent.name === service.metadata.name &&
        (parent.namespace ?? route.metadata.namespace) === service.metadata.namespace &&
        (parent.port ?? GRPC_PORT) === GRPC_PORT,
    ),
  );
}

/** "core" is how the Gateway API writes the group without a name. */
export function isService({ group, kind }: Pick<Reference, "group" | "kind">): boolean {
  return (group === "" || group === "core") && kind === "Service";
}

/** Where a rule sends its calls: to the parent itself when it names nobody; what is named twice counts once. */
export function backendRefsOf(
  backendRefs: readonly BackendReference[],
  parent: Service,
): { readonly name: string; readonly weight: number }[] {
  if (backendRefs.length === 0) return [{ name: parent.metadata.name, weight: 1 }];
  const weights = new Map<string, number>();
  for (const { name, weight } of backendRefs) weights.set(name, (weights.get(name) ?? 0) + weight);
  return [...weights].map(([name, weight]) => ({ name, weight }));
}

/** The one port that goes through sidecars here, by number or by its name in the pods. */
export function isGrpcPort(port: number | string): boolean {
  return port === GRPC_PORT || port === "grpc";
}
