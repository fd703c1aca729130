/** HTTPLocalRateLimitPolicy: requests a second, counted by this sidecar for itself. */
import type { HttpLocalRateLimitPolicy, Server } from "../resources/resource.ts";
import type { MeshView } from "../workload.ts";
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
      section("What was let in during the last second", "backend rate:total", [
        "stick-table type integer size 1 expire 10s store gpc0,gpc0_rate(1s)",
      ]),
      section("And of each caller", "backend rate:caller", [
        "stick-table type string len 128 size 10k expire 10s store gpc0,gpc0_rate(1s)",
      ]),
    ],
  };
}

/** Callers without an identity count as one. */
const CALLER = "var(txn.caller,unauthenticated)";

/** Which table's counters a request has: of all requests, of its caller's. */
const TOTAL = 0;
const OWN = 1;

/** Only what is let in counts: under a steady overload as much gets through as the limit says. */
function limitLines({ metadata, spec }: HttpLocalRateLimitPolicy): Line[] {
  const special = spec.overrides.map(({ requestsPerSecond, clientRefs }) => ({
    requestsPerSecond,
    isOne: isOneOf(clientRefs.map(({ name, namespace = metadata.namespace }) => `${name}.${namespace}`)),
  }));
  const isNone = special.map(({ isOne }) => `!${isOne}`);
  const countsOwn = special.length > 0 || spec.identity !== undefined;
  return [
    ...(spec.total ? [`http-request track-sc${TOTAL} int(0) table rate:total`] : []),
    ...(countsOwn ? [`http-request track-sc${OWN} ${CALLER} table rate:caller`] : []),
    ...(spec.total ? [overLine("total", TOTAL, spec.total.requestsPerSecond)] : []),
    ...special.map(({ requestsPerSecond, isOne }) => overLine("override", OWN, requestsPerSecond, [isOne])),
    ...(spec.identity ? [overLine("identity", OWN, spec.identity.requestsPerSecond, isNone)] : []),
    ...(spec.total ? [countLine(TOTAL)] : []),
    ...(countsOwn ? [countLine(OWN)] : []),
  ];
}

function isOneOf(callers: readonly string[]): string {
  return `{ var(txn.caller) -m str -- ${callers.map(quoted).join(" ")} }`;
}

function overLine(which: string, counter: number, requestsPerSecond: number, conditions: readonly string[] = []): Line {
  const isOver = `{ sc_gpc0_rate(${counter}) ge ${requestsPerSecond} }`;
  return `http-request set-var(txn.over) str(${which}) if ${[...conditions, isOver].join(" ")}`;
}

function countLine(counter: number): Line {
  return `http-request sc-inc-gpc0(${counter}) if !{ var(txn.over) -m found }`;
}
