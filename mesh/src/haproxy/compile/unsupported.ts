/** What sidecars on this machine cannot do. Nothing is ignored: it is either done or named here. */

import { NAMESPACE } from "@row/runtime/names.ts";
import { inboundPolicy, isGrpcPort } from "../../policy/inbound.ts";
import { named } from "../../resources/lookup.ts";
import { describe, type Problem } from "../../resources/problem.ts";
import {
  type GrpcRoute,
  type HttpLocalRateLimitPolicy,
  type HttpRoute,
  type MeshTlsAuthentication,
  nameOf,
  type Resource,
  type Server,
} from "../../resources/resource.ts";
import type { MeshView, Workload } from "../workload.ts";
import { complain } from "./complaint.ts";
import { routeProblems } from "./unsupported-routes.ts";

/** Everything in a view that cannot be done, one problem a line. */
export class CompileError extends Error {
  override name = "CompileError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(describe).join("\n"));
    this.problems = problems;
  }
}

/** Throws CompileError for everything that the sidecars of these workloads could not do. */
export function checkSupported(view: MeshView): void {
  const problems = [
    ...view.resources.flatMap((resource) => problemsOf(view, resource)),
    ...view.workloads.flatMap((workload) => missingServices(view, workload)),
    ...overlappingServers(view),
  ];
  if (problems.length > 0) throw new CompileError(problems);
}

function problemsOf(view: MeshView, resource: Resource): Problem[] {
  switch (resource.kind) {
    case "GRPCRoute":
    case "HTTPRoute":
      return [...routeProblems(view, resource, complain), ...routesOfServers(view, resource)];
    case "Server":
      return serverProblems(resource);
    case "MeshTLSAuthentication":
      return identityProblems(resource);
    case "HTTPLocalRateLimitPolicy":
      return rateLimitProblems(view, resource);
    default:
      return [];
  }
}

const PROTOCOLS_OF_GRPC: readonly Server["spec"]["proxyProtocol"][] = ["unknown", "HTTP/2", "gRPC"];

function serverProblems(server: Server): Problem[] {
  const { port, proxyProtocol } = server.spec;
  if (!isGrpcPort(port) || PROTOCOLS_OF_GRPC.includes(proxyProtocol)) return [];
  const state = `it is ${proxyProtocol}, and calls on this port are gRPC; write one of ${PROTOCOLS_OF_GRPC.join(", ")}`;
  return [complain(server, "spec.proxyProtocol", state)];
}

function identityProblems(authentication: MeshTlsAuthentication): Problem[] {
  return authentication.spec.identities.flatMap((identity, index) =>
    identity.includes("://")
      ? [complain(authentication, `spec.identities[${index}]`, `nobody here has a SPIFFE identity; write its DNS form`)]
      : [],
  );
}

function rateLimitProblems(view: MeshView, policy: HttpLocalRateLimitPolicy): Problem[] {
  const server = named(view.resources, "Server", policy.spec.targetRef.name, policy.metadata.namespace);
  if (!server) return [complain(policy, "spec.targetRef", `there is no Server ${policy.spec.targetRef.name}`)];
  const others = view.resources.filter(
    (other) =>
      other.kind === policy.kind &&
      other !== policy &&
      other.metadata.namespace === policy.metadata.namespace &&
      other.spec.targetRef.name === policy.spec.targetRef.name,
  );
  const [other] = others;
  return [
    ...(other ? [complain(policy, "spec.targetRef", `${nameOf(other)} is about the same Server; keep one`)] : []),
    ...(server.spec.proxyProtocol === "gRPC"
      ? [
          complain(
            policy,
            "spec.targetRef",
            `${nameOf(server)} has proxyProtocol gRPC, for which Linkerd has no rate limits; make it HTTP/2, with HTTPRoutes`,
          ),
        ]
      : []),
  ];
}

/** Linkerd passes over a route whose kind is not that of its Server's protocol. */
function routesOfServers(view: MeshView, route: GrpcRoute | HttpRoute): Problem[] {
  return route.spec.parentRefs.flatMap(({ kind, name }, index) => {
    const server = kind === "Server" ? named(view.resources, "Server", name, route.metadata.namespace) : undefined;
    if (!server || (server.spec.proxyProtocol === "gRPC") === (route.kind === "GRPCRoute")) return [];
    const { proxyProtocol } = server.spec;
    const takes = proxyProtocol === "gRPC" ? "GRPCRoutes" : "HTTPRoutes";
    const state = `${nameOf(server)} has proxyProtocol ${proxyProtocol} and takes ${takes} alone`;
    return [complain(route, `spec.parentRefs[${index}]`, state)];
  });
}

/** Two Servers about one port of one workload: which of them holds is not for a sidecar to guess. */
function overlappingServers(view: MeshView): Problem[] {
  const found = new Map<string, Problem>();
  for (const { labels, instance } of view.workloads) {
    const chosen = inboundPolicy(view.resources, labels)?.server;
    if (!chosen) continue;
    const others = view.resources.filter((resource) => resource !== chosen);
    const other = inboundPolicy(others, labels)?.server;
    if (!other) continue;
    const state = `it selects ${instance}, and so does ${nameOf(chosen)}`;
    found.set(nameOf(other), complain(other, "spec.podSelector", state));
  }
  return [...found.values()];
}

function missingServices(view: MeshView, { instance, calls }: Workload): Problem[] {
  return calls
    .filter((callee) => !named(view.resources, "Service", callee))
    .map((callee) => {
      const resource = `Service ${NAMESPACE}/${callee}`;
      return {
        file: "mesh/services",
        line: 1,
        resource,
        message: `Cannot let ${instance} call ${callee}: there is no ${resource}`,
      };
    });
}
