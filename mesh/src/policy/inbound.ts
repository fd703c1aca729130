/** What guards the gRPC port of a workload. */

import { GRPC_PORT, NAMESPACE } from "@row/runtime/names.ts";
import { selects } from "../resources/label-selector.ts";
import { ofKind } from "../resources/lookup.ts";
import type { GrpcRoute, HttpRoute, Resource, Server } from "../resources/resource.ts";
import { type Authorization, authorizationsFor } from "./authorization.ts";

/** What holds for calls that come in on the gRPC port of some pods. */
export interface InboundPolicy {
  readonly server: Server;
  /** None at all: everything is one unnamed route, which only `authorizations` open. */
  readonly routes: readonly (GrpcRoute | HttpRoute)[];
  /** Of the Server as a whole; they open every route. */
  readonly authorizations: readonly Authorization[];
  /** Of one route, the Server's included. Nobody may use a route for which there is none. */
  authorizationsOf(route: GrpcRoute | HttpRoute): readonly Authorization[];
}

/** The policy of the gRPC port of pods with these labels; undefined where no Server selects them, and all is denied. */
export function inboundPolicy(
  resources: readonly Resource[],
  labels: Readonly<Record<string, string>>,
  namespace = NAMESPACE,
): InboundPolicy | undefined {
  // Servers should not overlap. Where they do, the oldest wins, then the first by name.
  const [server] = ofKind(resources, "Server")
    .filter(
      ({ metadata, spec }) =>
        metadata.namespace === namespace && isGrpcPort(spec.port) && selects(spec.podSelector, labels),
    )
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  if (!server) return undefined;
  const authorizations = authorizationsFor(resources, server);
  // A gRPC Server takes GRPCRoutes only, any other one HTTPRoutes only.
  const kind = server.spec.proxyProtocol === "gRPC" ? "GRPCRoute" : "HTTPRoute";
  const routes = resources
    .filter((resource) => resource.kind === "GRPCRoute" || resource.kind === "HTTPRoute")
    .filter((route) => route.kind === kind && hangsOn(route, server));
  return {
    server,
    routes,
    authorizations,
    authorizationsOf: (route) => [...authorizations, ...authorizationsFor(resources, route)],
  };
}

function hangsOn(route: GrpcRoute | HttpRoute, { metadata }: Server): boolean {
  return (
    route.metadata.namespace === metadata.namespace &&
    route.spec.parentRefs.some(({ kind, name }) => kind === "Server" && name === metadata.name)
  );
}

/** The one port that goes through sidecars here, by number or by its name in the pods. */
export function isGrpcPort(port: number | string): boolean {
  return port === GRPC_PORT || port === "grpc";
}

// What was never applied counts as the newest; "~" sorts after every timestamp.
function keyOf({ metadata }: Server): string {
  return `${metadata.creationTimestamp ?? "~"} ${metadata.name}`;
}
