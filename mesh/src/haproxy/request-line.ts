/** The line that a sidecar sends to the observer for each request: its fields in their order, and what HAProxy writes there. */

/** Stands where the workload's own name does. */
const INSTANCE = Symbol("instance");
type Written = string | typeof INSTANCE;

const HTTP_STATUS = "%ST";
const GRPC_STATUS = "%[var(txn.grpc_status)]";
/** µs */
const DURATION = "%[date(0,us),sub(txn.start)]";
const TERMINATION = "%ts";
const PATH = "%HPO";
const TRACE = "%[var(txn.traceparent)]";
/** µs since the epoch */
const START = "%[var(txn.start)]";

/** Of a call that the workload made. */
export const OUTBOUND_FIELDS = {
  kind: "O",
  instance: INSTANCE,
  backend: "%b",
  server: "%[srv_name]",
  httpStatus: HTTP_STATUS,
  grpcStatus: GRPC_STATUS,
  durationUs: DURATION,
  retries: "%rc",
  termination: TERMINATION,
  path: PATH,
  traceparent: TRACE,
  startUs: START,
} as const;

/** Of a call that came in. */
export const INBOUND_FIELDS = {
  kind: "I",
  instance: INSTANCE,
  caller: "%[var(txn.caller)]",
  frontend: "%f",
  route: "%[var(txn.route)]",
  decision: "%[var(txn.decision,allow)]",
  policy: "%[var(txn.policy)]",
  httpStatus: HTTP_STATUS,
  grpcStatus: GRPC_STATUS,
  durationUs: DURATION,
  termination: TERMINATION,
  path: PATH,
  traceparent: TRACE,
  startUs: START,
} as const;

type Fields = Readonly<Record<string, Written>>;

/** HAProxy's format of a line of these fields. */
export function lineFormat(fields: Fields, instance: string): string {
  return Object.values(fields)
    .map((written) => (written === INSTANCE ? instance : written))
    .join("|");
}

/** Where the fields stand that come last in every line. A path may hold a "|" itself, so these are counted from the end. */
export interface EndPositions {
  readonly path: number;
  readonly traceparent: number;
  readonly startUs: number;
  readonly count: number;
}

/** Where each field stands, and how many there are. */
export function positionsOf<All extends Fields>(fields: All): { readonly [Name in keyof All | "count"]: number } {
  const names = Object.keys(fields);
  const positions = names.map((name, position) => [name, position] as const);
  // Each field's name has its position.
  return Object.fromEntries([...positions, ["count", names.length]]) as { [Name in keyof All | "count"]: number };
}
