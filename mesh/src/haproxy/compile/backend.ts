/** The backends of outbound calls: one for each rule and Service it sends to, with the rule's timeout, retries and headers. */

import { identityOf } from "@row/runtime/names.ts";
import type { ResolvedRule, ServiceBackend } from "../../policy/outbound.ts";
import type { RequestHeaderModifier } from "../../resources/resource.ts";
import type { RoutePolicy, Timeouts } from "../../resources/route-policy.ts";
import type { MeshView } from "../workload.ts";
import { endpointsOf } from "./endpoints.ts";
import { type Line, quoted, quotedFormat, section } from "./section.ts";

/** An instance that a backend can send to. */
export interface Endpoint {
  /** HAProxy's name of it: the instance. */
  readonly server: string;
  readonly port: number;
  /** Whether calls are sent to it now; see `serversText`, and `set server <backend>/<server> state ready|maint` while it runs. */
  readonly isReady: boolean;
}

/** One HAProxy backend of outbound calls. */
export interface WeightedBackend {
  /** "catalog:catalog-fast:0:catalog-v1": callee, route, rule, Service. */
  readonly name: string;
  readonly weight: number;
  readonly endpoints: readonly Endpoint[];
  readonly text: string;
}

export function backend(
  view: MeshView,
  { service, weight }: ServiceBackend,
  { name, rule }: { name: string; rule: ResolvedRule },
): WeightedBackend {
  const workloads = endpointsOf(view, service);
  const endpoints = workloads.map(({ instance, inboundPort = 0, isReady }) => ({
    server: instance,
    port: inboundPort,
    isReady,
  }));
  const lines = [
    ...timeoutLines(rule.policy.timeouts),
    ...retryLines(rule.policy),
    ...rule.filters.flatMap(filterLines),
    ...workloads.map(
      ({ instance, inboundPort, account }) =>
        `server ${instance} 127.0.0.1:${inboundPort} verifyhost ${identityOf(account)}`,
    ),
  ];
  return {
    name,
    weight,
    endpoints,
    text: section(`${rule.about} → ${service.metadata.name}`, `backend ${name}`, lines),
  };
}

/** HAProxy has one clock for them, which counts from the last byte: the shortest that is set. */
function timeoutLines({ requestMs, responseMs, idleMs }: Timeouts): Line[] {
  const shortest = Math.min(
    ...([requestMs, responseMs, idleMs].filter((ms) => ms !== undefined && ms > 0) as number[]),
  );
  return Number.isFinite(shortest) ? [`timeout server ${shortest}ms`] : [];
}

/**
 * Only what nobody has processed: a refused or broken connection, one that closed without any answer, and the 503 of a sidecar whose
 * app is not there. Failing grpc-statuses are retried by the client, with service-config.json.
 */
function retryLines({ retry }: RoutePolicy): Line[] {
  return retry ? [`retries ${retry.limit}`, "retry-on conn-failure empty-response 503"] : [];
}

function filterLines({ requestHeaderModifier: { set, add, remove } }: RequestHeaderModifier): Line[] {
  return [
    ...set.map(({ name, value }) => `http-request set-header ${quoted(name)} ${quotedFormat(value)}`),
    ...add.map(({ name, value }) => `http-request add-header ${quoted(name)} ${quotedFormat(value)}`),
    ...remove.map((name) => `http-request del-header ${quoted(name)}`),
  ];
}
