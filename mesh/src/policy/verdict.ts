/**
 * Who may call what, by the same rules as Linkerd: a Server closes a port, AuthorizationPolicies open it, and those of a
 * route and of its Server add up. Nothing here connects to anything.
 */

import type { GrpcRoute, HttpRoute, Resource } from "../resources/resource.ts";
import { type Authorization, isLetIn } from "./authorization.ts";
import { inboundPolicy } from "./inbound.ts";
import { type GrpcCandidate, grpcCandidates, type HttpCandidate, httpCandidates } from "./precedence.ts";
import { matchesGrpc, matchesHttp, type RequestHead } from "./request-match.ts";

export interface RequestedCall {
  /** Of the pods that are called. */
  readonly labels: Readonly<Record<string, string>>;
  /** "/shop.catalog.v1.CatalogService/GetProduct" */
  readonly path: string;
  /** The caller's identity in full; undefined for a caller outside the mesh. */
  readonly caller: string | undefined;
  /** By lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the call comes from; this machine unless given. */
  readonly address?: string;
}

/** "deny" is answered as PERMISSION_DENIED, "no-route" as NOT_FOUND. */
export interface Verdict {
  readonly decision: "allow" | "deny" | "no-route";
  /** The route that the call matches. */
  readonly route?: string;
  /** What lets the caller in: an AuthorizationPolicy, or "default:" and a Server's accessPolicy. */
  readonly authorization?: string;
  /** For people. */
  readonly reason: string;
}

/** Whether a call would be let in, and by what. */
export function mayCall(resources: readonly Resource[], call: RequestedCall): Verdict {
  const policy = inboundPolicy(resources, call.labels);
  if (!policy) return { decision: "deny", reason: "no Server selects these pods, and without one all is denied" };
  const { name } = policy.server.metadata;
  if (policy.routes.length === 0) return decide(policy.authorizations, call, `Server ${name}`);
  const route = matchingRoute(policy.routes, { path: call.path, headers: call.headers ?? {} });
  if (!route) return { decision: "no-route", reason: `no route of Server ${name} matches ${call.path}` };
  const routeName = route.metadata.name;
  return { ...decide(policy.authorizationsOf(route), call, `${route.kind} ${routeName}`), route: routeName };
}

function decide(authorizations: readonly Authorization[], { caller, address }: RequestedCall, target: string): Verdict {
  const found = authorizations.find((authorization) => isLetIn(authorization, caller, address));
  const who = caller ?? "a caller without an identity";
  if (found) return { decision: "allow", authorization: found.name, reason: `${found.name} lets ${who} use ${target}` };
  if (authorizations.length === 0) return { decision: "deny", reason: `nothing authorizes anybody to use ${target}` };
  const names = authorizations.map(({ name }) => name).join(", ");
  return {
    decision: "deny",
    reason: `${names} ${authorizations.length === 1 ? "does" : "do"} not let ${who} use ${target}`,
  };
}

function matchingRoute(routes: readonly (GrpcRoute | HttpRoute)[], head: RequestHead) {
  const grpc: readonly GrpcCandidate[] = grpcCandidates(routes.filter((route) => route.kind === "GRPCRoute"));
  const http: readonly HttpCandidate[] = httpCandidates(routes.filter((route) => route.kind === "HTTPRoute"));
  const found =
    grpc.find(({ match }) => !match || matchesGrpc(match, head)) ??
    http.find(({ match }) => !match || matchesHttp(match, head));
  return found?.route;
}
