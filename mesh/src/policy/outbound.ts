/** What becomes of calls to a Service: the rules of all its routes, with their policy and where they send to. */
import { GRPC_PORT, NAMESPACE } from "@row/runtime/names.ts";
import { named, ofKind } from "../resources/lookup.ts";
import {
  type BackendReference,
  type GrpcRoute,
  nameOf,
  type ParentReference,
  type Reference,
  type RequestHeaderModifier,
  type Resource,
  type Service,
} from "../resources/resource.ts";
import { policyUnder, type RoutePolicy } from "../resources/route-policy.ts";
import { type GrpcCandidate, grpcCandidates, ruleName } from "./precedence.ts";

/** What holds for calls to one Service; the twin of InboundPolicy. */
export interface OutboundPolicy {
  /** Of every route, in the order of the routes; one that takes every call where there are no routes. */
  readonly rules: readonly ResolvedRule[];
  /** The matches of all rules, the first that fits wins; none where there are no routes. */
  readonly candidates: readonly GrpcCandidate[];
  ruleOf(candidate: GrpcCandidate): ResolvedRule;
}

/** A rule of a route, with all that follows for the calls that it takes. */
export interface ResolvedRule {
  /** "catalog-fast:0", what tells it from others of the same Service. */
  readonly name: string;
  /** "GRPCRoute shop/catalog-fast, rule 0" */
  readonly about: string;
  /** The route's own, and the Service's where the route says nothing. */
  readonly policy: RoutePolicy;
  readonly filters: readonly RequestHeaderModifier[];
  /** The Service itself when the rule names nobody; what is named twice counts once. */
  readonly backends: readonly ResolvedBackend[];
}

/** A Service that calls go to. */
export interface ServiceBackend {
  readonly service: Service;
  readonly weight: number;
}

/** A reference to where no call can go. */
export interface InvalidBackend {
  /** The field of the reference that is wrong; the whole of it when absent. */
  readonly field?: "port";
  readonly invalid: string;
}

export type ResolvedBackend = ServiceBackend | InvalidBackend;

/** The policy of calls to a Service that come in on its gRPC port. */
export function outboundPolicy(resources: readonly Resource[], service: Service): OutboundPolicy {
  const routes = ofKind(resources, "GRPCRoute").filter((route) => hangsOn(route, service));
  if (routes.length === 0) return { rules: [ruleWithoutRoutes(service)], candidates: [], ruleOf: unknownRule };
  const rules = new Map(
    routes.flatMap((route) => rulesOf(resources, route, service)).map((rule) => [rule.name, rule] as const),
  );
  return {
    rules: [...rules.values()],
    candidates: grpcCandidates(routes),
    ruleOf: (candidate) => rules.get(ruleName(candidate)) ?? unknownRule(candidate),
  };
}

/** "core" is how the Gateway API writes the group without a name. */
export function isService({ group, kind }: Pick<Reference, "group" | "kind">): boolean {
  return (group === "" || group === "core") && kind === "Service";
}

/** The Service that a route's parent is, or why calls cannot go there. */
export function resolveParent(
  resources: readonly Resource[],
  { name, namespace, port }: ParentReference,
  { metadata }: GrpcRoute,
): Service | InvalidBackend {
  return resolve(resources, { name, namespace, port }, metadata.namespace);
}

/** Where a reference of a route's rule leads to. */
export function resolveBackend(
  resources: readonly Resource[],
  backend: BackendReference,
  { metadata }: GrpcRoute,
): ResolvedBackend {
  const found = resolve(resources, backend, metadata.namespace);
  if ("invalid" in found) return found;
  if (backend.port === GRPC_PORT) return { service: found, weight: backend.weight };
  return { field: "port", invalid: `only port ${GRPC_PORT} goes through sidecars here, and it is ${backend.port}` };
}

function hangsOn({ metadata, spec }: GrpcRoute, service: Service): boolean {
  return spec.parentRefs.some(
    (parent) =>
      isService(parent) &&
      parent.name === service.metadata.name &&
      (parent.namespace ?? metadata.namespace) === service.metadata.namespace &&
      (parent.port ?? GRPC_PORT) === GRPC_PORT,
  );
}

function rulesOf(resources: readonly Resource[], route: GrpcRoute, service: Service): ResolvedRule[] {
  const policy = policyUnder(route.policy, service.policy);
  return route.spec.rules.map(({ filters, backendRefs }, rule) => ({
    name: ruleName({ route, rule }),
    about: `${nameOf(route)}, rule ${rule}`,
    policy,
    filters,
    backends:
      backendRefs.length === 0
        ? [{ service, weight: 1 }]
        : added(backendRefs).map((backend) => resolveBackend(resources, backend, route)),
  }));
}

/** What is named twice, with the sum of its weights. */
function added(backends: readonly BackendReference[]): BackendReference[] {
  const byName = new Map<string, BackendReference>();
  for (const backend of backends) {
    const weight = (byName.get(backend.name)?.weight ?? 0) + backend.weight;
    byName.set(backend.name, { ...backend, weight });
  }
  return [...byName.values()];
}

function ruleWithoutRoutes(service: Service): ResolvedRule {
  return {
    name: "default:0",
    about: `${nameOf(service)}, which has no routes`,
    policy: service.policy,
    filters: [],
    backends: [{ service, weight: 1 }],
  };
}

function unknownRule({ route, rule }: GrpcCandidate): never {
  throw new Error(`Cannot find rule ${rule} of ${nameOf(route)}: it is no route of this Service`);
}

function resolve(
  resources: readonly Resource[],
  { name, namespace, port }: Pick<ParentReference, "name" | "namespace" | "port">,
  own: string,
): Service | InvalidBackend {
  if (own !== NAMESPACE || (namespace ?? own) !== NAMESPACE) {
    const other = own === NAMESPACE ? namespace : own;
    return { invalid: `every workload here is in the namespace ${NAMESPACE}, and this is about ${other}` };
  }
  const service = named(resources, "Service", name);
  if (!service) return { invalid: `there is no Service ${name}` };
  if (port === undefined || service.spec.ports.some((declared) => declared.port === port)) return service;
  return { invalid: `Service ${name} has no port ${port}` };
}
