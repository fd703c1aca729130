/** GRPCRoutes and HTTPRoutes with their parents, rules and backends, as far as they are written. */
import type { KubeObject } from "./kube-object.ts";
import { type ObjectReference, referenceOf } from "./reference.ts";
import type { Value } from "./value.ts";

export interface Parent extends ObjectReference {
  readonly port: number | undefined;
}

export interface RouteBackend {
  readonly at: Value;
  readonly kind: string;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly port: number | undefined;
  /** 1 unless given. */
  readonly weight: number;
}

export interface RouteRule {
  readonly at: Value;
  readonly matches: readonly Value[];
  readonly backends: readonly RouteBackend[];
}

export interface RouteObject {
  readonly kind: "GRPCRoute" | "HTTPRoute";
  readonly object: KubeObject;
  readonly parents: readonly Parent[];
  readonly rules: readonly RouteRule[];
  /** Whether it hangs on a Server, and so says what is authorized rather than where calls go. */
  readonly isInbound: boolean;
}

const GROUPS = ["gateway.networking.k8s.io", "policy.linkerd.io"];

export function routeOf(object: KubeObject): RouteObject | undefined {
  const { kind, group, namespace, spec } = object;
  if ((kind !== "GRPCRoute" && kind !== "HTTPRoute") || !GROUPS.includes(group)) return undefined;
  const parents = spec.at("parentRefs").items.map((at): Parent => {
    const parent = referenceOf(at);
    return { ...parent, namespace: parent.namespace ?? namespace, port: at.at("port").number };
  });
  const rules = spec.at("rules").items.map((at): RouteRule => {
    const backends = at.at("backendRefs").items.map(
      (ref): RouteBackend => ({
        at: ref,
        kind: referenceOf(ref).kind ?? "Service",
        name: ref.at("name").text,
        namespace: ref.at("namespace").text ?? namespace,
        port: ref.at("port").number,
        weight: ref.at("weight").number ?? 1,
      }),
    );
    return { at, matches: at.at("matches").items, backends };
  });
  return { kind, object, parents, rules, isInbound: parents.some((parent) => parent.kind === "Server") };
}
