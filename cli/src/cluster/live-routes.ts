/** The routes and Services of a cluster as it has them. */
import type { GrpcRoute, GrpcRule, Resource, Service } from "@row/mesh/resources/resource.ts";
import type { Kubectl } from "./kubectl.ts";

export const ROUTES = "grpcroutes.gateway.networking.k8s.io";

/** A GRPCRoute as the cluster has it: whatever Linkerd takes, also what a laptop's mesh would refuse. */
export interface LiveRoute {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion: string };
  readonly spec: {
    readonly parentRefs?: GrpcRoute["spec"]["parentRefs"];
    readonly rules?: readonly LiveRule[];
  };
}

interface LiveRule {
  readonly matches?: readonly Partial<GrpcRule["matches"][number]>[];
  readonly backendRefs?: readonly LiveBackend[];
}

export interface LiveBackend {
  readonly name: string;
  readonly weight?: number;
}

interface LiveService {
  readonly metadata: LiveRoute["metadata"];
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly clusterIP?: string;
    readonly ports?: readonly { readonly port: number }[];
  };
}

/** Every route and every Service of the shop, read at one time. */
export async function readLive(kubectl: Kubectl): Promise<{ routes: LiveRoute[]; resources: Resource[] }> {
  const [routes, services] = await Promise.all([
    items<LiveRoute>(kubectl, ROUTES),
    items<LiveService>(kubectl, "services"),
  ]);
  return { routes, resources: [...routes.map(asRoute), ...services.map(asService)] };
}

/** One route, as it is now. */
export async function readRoute(kubectl: Kubectl, name: string): Promise<LiveRoute> {
  return JSON.parse(await kubectl.run("get", ROUTES, name, "-o", "json"));
}

async function items<Item>(kubectl: Kubectl, kind: string): Promise<Item[]> {
  // The cluster has checked them against their schemas.
  return (JSON.parse(await kubectl.run("get", kind, "-o", "json")) as { items: Item[] }).items;
}

/** The part of a route that a split is about, with what may be left out filled in. */
export function asRoute({ metadata, spec }: LiveRoute): GrpcRoute {
  const rules = (spec.rules ?? []).map(({ matches = [], backendRefs = [] }): GrpcRule => {
    return {
      matches: matches.map((match) => ({ ...match, headers: match.headers ?? [] })),
      filters: [],
      backendRefs: backendRefs.map((ref) => ({ group: "", kind: "Service", port: 0, ...ref, weight: ref.weight ?? 1 })),
    };
  });
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "GRPCRoute",
    metadata: described(metadata),
    spec: { parentRefs: spec.parentRefs ?? [], rules },
    policy: NO_POLICY,
    source: NOWHERE,
  };
}

function asService({ metadata, spec }: LiveService): Service {
  const described_ = described(metadata);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: described_,
    spec: {
      selector: spec.selector ?? {},
      ports: (spec.ports ?? []).map(({ port }) => ({ port, targetPort: port })),
      ...(spec.clusterIP === "None" && { clusterIP: spec.clusterIP }),
    },
    policy: NO_POLICY,
    source: NOWHERE,
  };
}

function described({ name, namespace }: LiveRoute["metadata"]) {
  return { name, namespace, labels: {}, annotations: {} };
}

/** What annotations say is no part of a split. */
const NO_POLICY = { timeouts: {} };
const NOWHERE = { file: "the cluster", line: 0 };
