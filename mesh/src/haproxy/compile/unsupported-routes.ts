/** What sidecars cannot do of routes. */

import { GRPC_PORT, NAMESPACE } from "@row/runtime/names.ts";
import type { Problem } from "../../resources/problem.ts";
import type { GrpcRoute, HeaderMatch, HttpRoute, Service } from "../../resources/resource.ts";
import { routePolicy } from "../../resources/route-policy.ts";
import type { MeshView } from "../workload.ts";
import type { Complain } from "./complaint.ts";
import { isService, serviceNamed } from "./mesh-index.ts";

export function routeProblems(view: MeshView, route: GrpcRoute | HttpRoute, complain: Complain): Problem[] {
  const headers = route.spec.rules.flatMap(({ matches }, rule) =>
    matches.flatMap((match, index) =>
      match.headers.flatMap((header) =>
        headerProblems(header).map((state) => complain(route, `spec.rules[${rule}].matches[${index}].headers`, state)),
      ),
    ),
  );
  const isOutbound = route.spec.parentRefs.some(isService);
  if (!isOutbound) return headers;
  if (route.kind === "HTTPRoute") {
    return [complain(route, "kind", "calls between services are gRPC; write a GRPCRoute")];
  }
  const parents = route.spec.parentRefs.flatMap((parent, index) => {
    const at = `spec.parentRefs[${index}]`;
    const state = isService(parent) && whyNot(view, parent, route.metadata.namespace);
    if (state) return [complain(route, at, state)];
    const service = serviceNamed(view, parent.name, parent.namespace);
    return service ? policyProblems(route, service).map((state) => complain(route, "metadata.annotations", state)) : [];
  });
  const backends = route.spec.rules.flatMap(({ backendRefs }, rule) =>
    backendRefs.flatMap((backend, index) => {
      const at = `spec.rules[${rule}].backendRefs[${index}]`;
      const state = whyNot(view, backend, route.metadata.namespace);
      if (state) return [complain(route, at, state)];
      const wrongPort = `only port ${GRPC_PORT} goes through sidecars here, and it is ${backend.port}`;
      return backend.port === GRPC_PORT ? [] : [complain(route, `${at}.port`, wrongPort)];
    }),
  );
  const filters = route.spec.rules.flatMap(({ filters }, rule) =>
    filters.flatMap(({ requestHeaderModifier: { set, add, remove } }) =>
      [...[...set, ...add].map(({ name }) => name), ...remove]
        .filter((name) => !isPlainName(name))
        .map((name) => complain(route, `spec.rules[${rule}].filters`, `HAProxy takes no header named ${name}`)),
    ),
  );
  return [...headers, ...parents, ...backends, ...filters];
}

/** Why calls cannot go there; undefined when they can. */
function whyNot(
  view: MeshView,
  { name, namespace, port }: { readonly name: string; readonly namespace?: string; readonly port?: number },
  own: string,
): string | undefined {
  if (own !== NAMESPACE || (namespace ?? own) !== NAMESPACE) {
    return `every workload here is in the namespace ${NAMESPACE}, and this is about ${own === NAMESPACE ? namespace : own}`;
  }
  const service = serviceNamed(view, name);
  if (!service) return `there is no Service ${name}`;
  const hasPort = port === undefined || service.spec.ports.some((declared) => declared.port === port);
  return hasPort ? undefined : `Service ${name} has no port ${port}`;
}

function policyProblems(route: GrpcRoute, service: Service): string[] {
  if (routePolicy(route, service).retry?.timeoutMs === undefined) return [];
  return [
    "retry.linkerd.io/timeout cannot be done: HAProxy has one timeout for all tries; use timeout.linkerd.io/request",
  ];
}

function headerProblems({ name }: HeaderMatch): string[] {
  return isPlainName(name) ? [] : [`HAProxy takes no header named ${name}`];
}

function isPlainName(name: string): boolean {
  return /^[\w.-]+$/.test(name);
}
