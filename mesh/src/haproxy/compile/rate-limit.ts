/** HTTPLocalRateLimitPolicy: requests a second, counted by this sidecar for itself. */
import { ofKind } from "../../resources/lookup.ts";
import type { HttpLocalRateLimitPolicy, Server } from "../../resources/resource.ts";
import type { MeshView } from "../workload.ts";
import { type Line, quoted, section } from "./section.ts";

export interface RateLimit {
  /** For a listener, after the policy: only calls that are allowed count. `answer` is the error file. */
  readonly lines: (answer: string) => Line[];
  /** Where the counters are. */
  readonly tables: readonly string[];
}

export function rateLimit(view: MeshView, server: Server | undefined): RateLimit {
  const policy = ofKind(view.resources, "HTTPLocalRateLimitPolicy").find(
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
      section("When the bucket of all requests is full again", "backend rate:total", [
        "stick-table type integer size 1 expire 10s store gpt0",
      ]),
      section("And that of each caller, or of an override's", "backend rate:own", [
        "stick-table type string len 128 size 10k expire 10s store gpt0",
      ]),
    ],
  };
}

/** Which table's bucket a request takes from: that of all requests, and its own. */
const TOTAL = 0;
const OWN = 1;

/** In Linkerd's order: what the total lets in has taken from it, whatever the caller's own bucket says then. */
function limitLines({ metadata, spec }: HttpLocalRateLimitPolicy): Line[] {
  const overrides = spec.overrides.map(({ requestsPerSecond, clientRefs }, index) => ({
    which: `override ${index}`,
    requestsPerSecond,
    isOne: isOneOf(clientRefs.map(({ name, namespace = metadata.namespace }) => `${name}.${namespace}`)),
  }));
  const hasOwn = overrides.length > 0 || spec.identity !== undefined;
  return [
    "http-request set-var(txn.now) date(0,us),and(4294967295)",
    ...(spec.total
      ? [
          `http-request track-sc${TOTAL} int(0) table rate:total`,
          ...bucketLines(TOTAL, spec.total.requestsPerSecond, []),
        ]
      : []),
    ...overrides.map(
      ({ which, isOne }) => `http-request set-var(txn.bucket) str(${quoted(which)}) if ${isOne} ${HAS_NO_BUCKET}`,
    ),
    // Callers without an identity count as one.
    ...(spec.identity ? [`http-request set-var(txn.bucket) var(txn.caller,unauthenticated) if ${HAS_NO_BUCKET}`] : []),
    ...(hasOwn ? [`http-request track-sc${OWN} var(txn.bucket) table rate:own if { var(txn.bucket) -m found }`] : []),
    ...overrides.flatMap(({ which, requestsPerSecond }) =>
      bucketLines(OWN, requestsPerSecond, [`{ var(txn.bucket) -m str -- ${quoted(which)} }`]),
    ),
    ...(spec.identity
      ? bucketLines(OWN, spec.identity.requestsPerSecond, [
          "{ var(txn.bucket) -m found }",
          ...overrides.map(({ which }) => `!{ var(txn.bucket) -m str -- ${quoted(which)} }`),
        ])
      : []),
  ];
}

const HAS_NO_BUCKET = "!{ var(txn.bucket) -m found }";

function isOneOf(callers: readonly string[]): string {
  return `{ var(txn.caller) -m str -- ${callers.map(quoted).join(" ")} }`;
}

const SECOND_US = 1_000_000;

/**
 * Takes one from a bucket that holds a second's requests and fills up within a second, or notes that it is empty (the generic cell rate
 * algorithm). The counter holds when the bucket is full again, in µs modulo 2³²; 0 in a new one, whose bucket is full.
 */
function bucketLines(counter: number, requestsPerSecond: number, conditions: readonly string[]): Line[] {
  const perRequestUs = Math.max(1, Math.floor(SECOND_US / requestsPerSecond));
  const mostUs = Math.min((requestsPerSecond - 1) * perRequestUs, SECOND_US - 1);
  const when = [...conditions, "!{ var(txn.over) -m found }"].join(" ");
  const isFull = [
    `{ sc_get_gpt0(${counter}) eq 0 }`,
    "{ var(txn.fill) -m int lt 0 }",
    `{ var(txn.fill) -m int gt ${SECOND_US} }`,
  ];
  const untilFull = `sc_get_gpt0(${counter}),sub(txn.now),add(2147483648),and(4294967295),sub(2147483648)`;
  return [
    `http-request set-var(txn.fill) ${untilFull} if ${when}`,
    ...isFull.map((condition) => `http-request set-var(txn.fill) int(0) if ${when} ${condition}`),
    `http-request set-var(txn.over) str(yes) if ${when} { var(txn.fill) -m int gt ${mostUs} }`,
    `http-request sc-set-gpt0(${counter}) var(txn.fill),add(txn.now),add(${perRequestUs}),and(4294967295) if ${when}`,
  ];
}
