/** HTTPLocalRateLimitPolicy: requests a second, counted by this sidecar for itself. */
import type { HttpLocalRateLimitPolicy, Server } from "../resources/resource.ts";
import { type MeshView, NAMESPACE } from "../workload.ts";
import { ofKind } from "./mesh-index.ts";
import { type Line, quoted, section } from "./section.ts";

export interface RateLimit {
  /** For a listener, after the policy: only calls that are allowed count. `answer` is the error file. */
  readonly lines: (answer: string) => Line[];
  /** Where the counters are. */
  readonly tables: readonly string[];
}

export function rateLimit(view: MeshView, server: Server | undefined): RateLimit {
  const policy = ofKind(view, "HTTPLocalRateLimitPolicy").find(
    ({ metadata, spec: { targetRef } }) =>
      server !== undefined &&
      metadata.namespace === server.metadata.namespace &&
      targetRef.kind === "Server" &&
      targetRef.name === server.metadata.name,
  );
  if (!policy) return { lines: () => [], tables: [] };
  return {
    lines: (answer) => [
      "",
      `# Rate limits of ${policy.metadata.name}`,
      ...limitLines(policy),
      "http-request set-var(txn.decision) str(rate-limited) if { var(txn.over) -m found }",
      `http-request deny deny_status 200 errorfile ${answer} if { var(txn.over) -m found }`,
    ],
    tables: [
      section("All requests of the last second", "backend rate:total", [
        "stick-table type integer size 1 expire 10s store http_req_rate(1s)",
      ]),
      section("The last second's requests of each caller", "backend rate:caller", [
        "stick-table type string len 128 size 10k expire 10s store http_req_rate(1s)",
      ]),
    ],
  };
}

/** Callers without an identity count as one. */
const CALLER = "var(txn.caller,unauthenticated)";

function limitLines({ metadata, spec }: HttpLocalRateLimitPolicy): Line[] {
  const total = spec.total && [
    "http-request track-sc0 int(0) table rate:total",
    `http-request set-var(txn.over) str(total) if { sc_http_req_rate(0) gt ${spec.total.requestsPerSecond} }`,
  ];
  const special = spec.overrides.map(({ requestsPerSecond, clientRefs }) => ({
    requestsPerSecond,
    callers: clientRefs.map(({ name, namespace = metadata.namespace }) => `${name}.${namespace || NAMESPACE}`),
  }));
  const others = special.flatMap(({ callers }) => callers).map(quoted);
  const overrides = special.map(
    ({ requestsPerSecond, callers }) =>
      `http-request set-var(txn.over) str(override) if { var(txn.caller) -m str -- ${callers.map(quoted).join(" ")} } { sc_http_req_rate(1) gt ${requestsPerSecond} }`,
  );
  const unlessSpecial = others.length > 0 ? `!{ var(txn.caller) -m str -- ${others.join(" ")} } ` : "";
  const identity = spec.identity && [
    `http-request set-var(txn.over) str(identity) if ${unlessSpecial}{ sc_http_req_rate(1) gt ${spec.identity.requestsPerSecond} }`,
  ];
  const perCaller = overrides.length > 0 || identity ? [`http-request track-sc1 ${CALLER} table rate:caller`] : [];
  return [...(total ?? []), ...perCaller, ...overrides, ...(identity ?? [])];
}
