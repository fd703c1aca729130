/** What sidecars cannot do of routes. */

import { isService, resolveBackend, resolveParent } from "../../policy/outbound.ts";
import type { Problem } from "../../resources/problem.ts";
import type { GrpcRoute, HeaderMatch, HttpRoute, Service } from "../../resources/resource.ts";
import { policyUnder } from "../../resources/route-policy.ts";
import type { MeshView } from "../workload.ts";
import type { Complain } from "./complaint.ts";

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
    if (!isService(parent)) return [];
    const service = resolveParent(view.resources, parent, route);
    if ("invalid" in service) return [complain(route, at, service.invalid)];
    return policyProblems(route, service).map((state) => complain(route, "metadata.annotations", state));
  });
  const backends = route.spec.rules.flatMap(({ backendRefs }, rule) =>
    backendRefs.flatMap((backend, index) => {
      const resolved = resolveBackend(view.resources, backend, route);
      if (!("invalid" in resolved)) return [];
      const at = `spec.rules[${rule}].backendRefs[${index}]`;
      return [complain(route, resolved.field ? `${at}.${resolved.field}` : at, resolved.invalid)];
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

function policyProblems(route: GrpcRoute, service: Service): string[] {
  if (policyUnder(route.policy, service.policy).retry?.timeoutMs === undefined) return [];
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
