/** Which retries and timeouts a method gets, by the routes of a Service. */
import { type Retry, readRoutePolicy, type Timeouts } from "../resources/route-policy.ts";
import { annotationOf, type Cluster } from "./cluster.ts";
import type { Method } from "./contracts.ts";
import type { KubeObject } from "./kube-object.ts";
import type { RouteObject } from "./route.ts";
import type { Value } from "./value.ts";

export interface MethodPolicy {
  readonly method: Method;
  /** The route that takes the method's calls. */
  readonly route: RouteObject;
  readonly timeouts: Timeouts;
  readonly retry: Retry | undefined;
  /** The route, or the Service whose annotations it inherits. */
  readonly timeoutsFrom: KubeObject;
  readonly retryFrom: KubeObject;
}

// Without contracts, a name is all there is to tell a stream by.
const STREAMING_NAME = /^(Watch|Stream|Subscribe|Follow|Tail)([A-Z]|$)/;

/** One for every method and route that may take it. Catch-alls count for the gRPC services that other routes of the Service name. */
export function methodPolicies(cluster: Cluster): MethodPolicy[] {
  const parents = new Map<string, { name: string | undefined; namespace: string | undefined; routes: RouteObject[] }>();
  for (const route of cluster.routes) {
    if (route.kind !== "GRPCRoute" || route.isInbound) continue;
    for (const { name, namespace } of route.parents) {
      const key = `${namespace ?? ""}/${name}`;
      const parent = parents.get(key) ?? { name, namespace, routes: [] };
      parent.routes.push(route);
      parents.set(key, parent);
    }
  }
  return [...parents.values()].flatMap(({ name, namespace, routes }) => {
    const service = cluster.service(name, namespace);
    return methodsOf(routes, cluster).flatMap((method) =>
      routesOf(method, routes).map((route) => policyOf(method, route, service)),
    );
  });
}

function methodsOf(routes: readonly RouteObject[], { contracts = [] }: Cluster): Method[] {
  const matches = matchesOf(routes);
  const services = new Set(matches.map((match) => match.at("method", "service").text));
  const known = contracts.filter(({ service }) => services.has(service));
  const guessed = matches.flatMap((match) => {
    const service = match.at("method", "service").text ?? "";
    const name = match.at("method", "method").text ?? "";
    const isKnown = known.some((method) => method.service === service);
    // Whether it may be repeated cannot be guessed from a name.
    return isKnown || !STREAMING_NAME.test(name) ? [] : [{ service, name, isStreaming: true, isIdempotent: true }];
  });
  return [...known, ...guessed];
}

/** The route of the best match, and every route that takes the method by its headers. */
function routesOf(method: Method, routes: readonly RouteObject[]): RouteObject[] {
  let best: { route: RouteObject; score: number } | undefined;
  const byHeader = new Set<RouteObject>();
  for (const route of routes) {
    for (const { matches } of route.rules) {
      if (matches.length === 0) best ??= { route, score: 0 };
      for (const match of matches) {
        const score = scoreOf(match, method);
        if (score === undefined) continue;
        if (match.at("headers").items.length > 0) byHeader.add(route);
        else if (!best || score > best.score) best = { route, score };
      }
    }
  }
  if (best) byHeader.add(best.route);
  return [...byHeader];
}

/** Higher for a match that says more; undefined when it does not match. */
function scoreOf(match: Value, { service, name }: Method): number | undefined {
  const wanted = { service: match.at("method", "service").text, name: match.at("method", "method").text };
  if (wanted.service !== undefined && wanted.service !== service) return undefined;
  if (wanted.name !== undefined && wanted.name !== name) return undefined;
  return (wanted.service?.length ?? 0) * 2000 + (wanted.name?.length ?? 0);
}

function policyOf(method: Method, route: RouteObject, service: KubeObject | undefined): MethodPolicy {
  const { policy: own } = readRoutePolicy(route.object.annotations);
  const inherited = service && readRoutePolicy(service.annotations).policy;
  const ownTimeouts = Object.keys(own.timeouts).length > 0 || !inherited || !service;
  const ownRetry = own.retry !== undefined || !inherited || !service;
  return {
    method,
    route,
    timeouts: ownTimeouts ? own.timeouts : inherited.timeouts,
    retry: ownRetry ? own.retry : inherited.retry,
    timeoutsFrom: ownTimeouts ? route.object : service,
    retryFrom: ownRetry ? route.object : service,
  };
}

function matchesOf(routes: readonly RouteObject[]): Value[] {
  return routes.flatMap((route) => route.rules.flatMap((rule) => rule.matches));
}

/** The first annotation that a prefix finds on an object: where a finding points. */
export function firstAnnotation(object: KubeObject, prefix: string): Value {
  const name = Object.keys(object.annotations).find((annotation) => annotation.startsWith(prefix));
  return name === undefined ? object.root : annotationOf(object, name);
}
