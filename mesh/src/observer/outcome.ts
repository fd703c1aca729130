/** How a request ended, in the words of Linkerd's metrics. */

/** gRPC's status names by number; what has no status comes last and is written as nothing. */
export const GRPC_STATUSES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
  "",
];

export const NO_STATUS = 17;
const OK = 0;
const UNKNOWN = 2;
export const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
export const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/** Why there was no answer from the backend; nothing when there was one. */
export const ERRORS = ["", "CANCEL", "REQUEST_TIMEOUT", "FAIL_FAST", "IO", "LOAD_SHED", "UNKNOWN"];
const NO_ERROR = 0;
export const CANCEL = 1;
const REQUEST_TIMEOUT = 2;
const FAIL_FAST = 3;
export const IO = 4;
const LOAD_SHED = 5;
const UNKNOWN_ERROR = 6;

/** What is a failure to Linkerd. Whatever else a service answers is an answer. */
export const FAILURES: ReadonlySet<string> = new Set([
  "DATA_LOSS",
  "DEADLINE_EXCEEDED",
  "INTERNAL",
  "PERMISSION_DENIED",
  "UNAVAILABLE",
  "UNKNOWN",
]);
const IS_FAILURE = GRPC_STATUSES.map((status) => FAILURES.has(status));

/** The grpc-status that a client sees: that of the answer, or what gRPC makes of the HTTP status. */
export function grpcStatusOf(httpStatus: number, grpcStatus: number): number {
  if (grpcStatus >= 0 && grpcStatus < NO_STATUS) return grpcStatus;
  if (httpStatus === 200) return OK;
  if (httpStatus <= 0) return NO_STATUS;
  if (httpStatus === 400) return INTERNAL;
  if (httpStatus === 401) return UNAUTHENTICATED;
  if (httpStatus === 403) return PERMISSION_DENIED;
  if (httpStatus === 404) return UNIMPLEMENTED;
  if (httpStatus === 429 || httpStatus === 502 || httpStatus === 503 || httpStatus === 504) return UNAVAILABLE;
  return UNKNOWN;
}

export function isFailure(httpStatus: number, grpcStatus: number): boolean {
  return httpStatus >= 500 || isFailureStatus(grpcStatus);
}

export function isFailureStatus(grpcStatus: number): boolean {
  return IS_FAILURE[grpcStatus] === true;
}

/**
 * Whether the endpoint had its say. Callers that go away, and timeouts that the sidecar keeps, speak of nobody's health: on a
 * busy machine they would take every endpoint out at once. Linkerd does not count them either.
 */
export function isAnswer(error: number): boolean {
  return error !== CANCEL && error !== REQUEST_TIMEOUT;
}

const CLIENT_ABORT = code("C");
const CLIENT_TIMEOUT = code("c");
const SERVER_TIMEOUT = code("s");
const SERVER_ABORT = code("S");
const PROXY = code("P");
const RESOURCE = code("R");
const NORMAL = code("-");
const LOCAL = code("L");
const QUEUE = code("Q");
const CONNECT = code("C");

/** From the two letters of HAProxy's %ts. `hasServer`: whether an endpoint was chosen. */
export function errorOf(first: number, second: number, grpcStatus: number, hasServer: boolean): number {
  if (first === NORMAL || first === LOCAL) return NO_ERROR;
  if (first === CLIENT_ABORT || first === CLIENT_TIMEOUT) return CANCEL;
  if (first === SERVER_TIMEOUT) return second === QUEUE ? FAIL_FAST : second === CONNECT ? IO : REQUEST_TIMEOUT;
  if (first === SERVER_ABORT) return hasServer ? IO : FAIL_FAST;
  if (first === PROXY) return grpcStatus === UNAVAILABLE && !hasServer ? FAIL_FAST : NO_ERROR;
  return first === RESOURCE ? LOAD_SHED : UNKNOWN_ERROR;
}

function code(letter: string): number {
  return letter.charCodeAt(0);
}
