import { CANCEL, DEADLINE_EXCEEDED, ERRORS, GRPC_STATUSES, IO, isFailureStatus, UNAVAILABLE } from "./outcome.ts";
import type { Pod } from "./pod.ts";
import { RecentCalls } from "./recent-calls.ts";

/** What a HAProxy backend stands for, "catalog:catalog-fast:0:catalog-v1". Empty where a request came to none. */
export interface RouteBackend {
  /** The Service that was called. */
  readonly parent: string;
  readonly route: string;
  readonly rule: string;
  /** The Service that the route chose. */
  readonly backend: string;
}

/** Reads the name of a HAProxy backend, or of the frontend that answered by itself. */
export function routeBackendOf(name: string): RouteBackend {
  const [first = "", second = "", rule = "", backend = ""] = name.split(":");
  if (backend) return { parent: first, route: second, rule, backend };
  return { parent: first === "out" ? second : "", route: "", rule: "", backend: "" };
}

/** Upper bounds in seconds, Linkerd's. */
export const REQUEST_BOUNDS = [0.05, 0.5, 1, 10];
export const RESPONSE_BOUNDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 10];

/** Counts durations for a Prometheus histogram. */
export class Histogram {
  readonly bounds: readonly number[];
  /** By bucket, not cumulative; the last one is beyond every bound. */
  readonly counts: Float64Array;
  sumUs = 0;
  readonly #boundsUs: readonly number[];

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#boundsUs = bounds.map((seconds) => seconds * 1e6);
    this.counts = new Float64Array(bounds.length + 1);
  }

  record(us: number): void {
    let bucket = 0;
    while (us > (this.#boundsUs[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sumUs += us;
  }
}

/** Everything counted of the requests of one pod to one backend of one rule. */
export class CallEdge {
  readonly pod: Pod;
  readonly to: RouteBackend;
  readonly recent = new RecentCalls();
  /** What clients were told, and what each try got, by grpc-status and error: see `statusCell`. */
  readonly requestStatuses = new Float64Array(CELLS);
  readonly responseStatuses = new Float64Array(CELLS);
  readonly requestDurations = new Histogram(REQUEST_BOUNDS);
  readonly responseDurations = new Histogram(RESPONSE_BOUNDS);
  tries = 0;
  retries = 0;
  retrySuccesses = 0;
  retriesExhausted = 0;
  lastSecond = 0;

  constructor(pod: Pod, to: RouteBackend) {
    this.pod = pod;
    this.to = to;
  }

  record(second: number, us: number, grpcStatus: number, error: number, retries: number, failed: boolean): void {
    const cell = grpcStatus * ERRORS.length + error;
    this.lastSecond = second;
    this.tries += 1 + retries;
    this.requestStatuses[cell] = (this.requestStatuses[cell] ?? 0) + 1;
    this.responseStatuses[cell] = (this.responseStatuses[cell] ?? 0) + 1;
    this.requestDurations.record(us);
    this.responseDurations.record(us);
    this.recent.record(second, us, failed, error === CANCEL, grpcStatus === DEADLINE_EXCEEDED, retries);
    if (retries > 0) this.#recordRetries(retries, failed);
  }

  /** Of everything since the edge was first seen. */
  totals(): { requests: number; failures: number; cancelled: number } {
    const totals = { requests: 0, failures: 0, cancelled: 0 };
    for (const [cell, count] of this.requestStatuses.entries()) {
      totals.requests += count;
      if (cell % ERRORS.length === CANCEL) totals.cancelled += count;
      else if (isFailureStatus(Math.floor(cell / ERRORS.length))) totals.failures += count;
    }
    return totals;
  }

  /** HAProxy tries again only where nothing was processed: each try before the last got no answer. */
  #recordRetries(retries: number, failed: boolean): void {
    this.retries += retries;
    this.responseStatuses[UNANSWERED] = (this.responseStatuses[UNANSWERED] ?? 0) + retries;
    if (failed) this.retriesExhausted += 1;
    else this.retrySuccesses += 1;
  }
}

const CELLS = GRPC_STATUSES.length * ERRORS.length;
const UNANSWERED = UNAVAILABLE * ERRORS.length + IO;

/** The counts of an edge that are not zero, with the names of their status and error. */
export function* namedStatuses(counts: Float64Array): Generator<{ status: string; error: string; count: number }> {
  for (const [cell, count] of counts.entries()) {
    if (count === 0) continue;
    const status = GRPC_STATUSES[Math.floor(cell / ERRORS.length)] ?? "";
    yield { status, error: ERRORS[cell % ERRORS.length] ?? "", count };
  }
}
