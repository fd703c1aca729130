/**
 * Which rule serves a request: the Gateway API's precedence across all routes of one parent, exact before less exact. Nothing here does I/O.
 * https://gateway-api.sigs.k8s.io/reference/spec/ (GRPCRouteRule, HTTPRouteRule)
 */
import type { GrpcMatch, GrpcRoute, HttpMatch, HttpRoute, Metadata } from "../resources/resource.ts";

/** One match of one rule. */
export interface Candidate<Route, Match> {
  readonly route: Route;
  /** The rule's index in its route. */
  readonly rule: number;
  /** undefined for a rule without matches: it takes every request. */
  readonly match: Match | undefined;
}

export type GrpcCandidate = Candidate<GrpcRoute, GrpcMatch>;
export type HttpCandidate = Candidate<HttpRoute, HttpMatch>;

/** The matches of all routes, the first that fits wins. */
export function grpcCandidates(routes: readonly GrpcRoute[]): GrpcCandidate[] {
  return candidatesOf<GrpcRoute, GrpcMatch>(routes).sort(
    (a, b) =>
      lengthOf(b.match?.method?.service) - lengthOf(a.match?.method?.service) ||
      lengthOf(b.match?.method?.method) - lengthOf(a.match?.method?.method) ||
      headersOf(b.match) - headersOf(a.match),
  );
}

/** As `grpcCandidates`, for routes that match paths. */
export function httpCandidates(routes: readonly HttpRoute[]): HttpCandidate[] {
  return candidatesOf<HttpRoute, HttpMatch>(routes).sort(
    (a, b) =>
      Number(b.match?.path.type === "Exact") - Number(a.match?.path.type === "Exact") ||
      lengthOf(b.match?.path.value) - lengthOf(a.match?.path.value) ||
      Number(b.match?.method !== undefined) - Number(a.match?.method !== undefined) ||
      headersOf(b.match) - headersOf(a.match),
  );
}

/** What tells a rule from others of the same parent: "catalog-fast:0". */
export function ruleName({ route, rule }: Omit<Candidate<GrpcRoute | HttpRoute, unknown>, "match">): string {
  return `${route.metadata.name}:${rule}`;
}

interface RouteOf<Match> {
  readonly metadata: Metadata;
  readonly spec: { readonly rules: readonly { readonly matches: readonly Match[] }[] };
}

/** Every match of every rule, of the oldest route first. A rule without matches stands for itself. */
function candidatesOf<Route extends RouteOf<Match>, Match>(routes: readonly Route[]): Candidate<Route, Match>[] {
  return [...routes].sort(byAge).flatMap((route) =>
    route.spec.rules.flatMap(({ matches }, rule) => {
      const all: readonly (Match | undefined)[] = matches.length === 0 ? [undefined] : matches;
      return all.map((match) => ({ route, rule, match }));
    }),
  );
}

/** Oldest first; a route that was never applied is the newest. Then by namespace and name. */
function byAge({ metadata: a }: { metadata: Metadata }, { metadata: b }: { metadata: Metadata }): number {
  const age = timeOf(a.creationTimestamp) - timeOf(b.creationTimestamp);
  return age || compare(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`);
}

function timeOf(timestamp: string | undefined): number {
  return timestamp === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(timestamp);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function lengthOf(value: string | undefined): number {
  return value?.length ?? 0;
}

function headersOf(match: GrpcMatch | HttpMatch | undefined): number {
  return match?.headers.length ?? 0;
}
