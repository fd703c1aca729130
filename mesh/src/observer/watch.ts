/** Exact counts of the requests to one service, by method, caller and version, and of the calls that its versions make, for who judges them. */
import { median } from "../judge/median.ts";
import type { LineFields } from "./line-fields.ts";
import { CANCEL, errorOf, grpcStatusOf, isFailure } from "./outcome.ts";
import { OUTBOUND, type Target } from "./request-lines.ts";
import { traceIdOf } from "./traces/hops.ts";

/** What GET /watches/<id> answers: everything since the watch was opened, so that a lost answer loses no counts. */
export interface WatchCounts {
  /** Lines that sidecars sent and that did not arrive, since the observer runs. */
  readonly linesLost: number;
  readonly strata: readonly StratumCounts[];
  readonly calls: readonly VersionCalls[];
  /** Of the instances that had as many. */
  readonly firstCalls: readonly FirstCalls[];
}

/** Requests to a version by one method of one caller. */
export interface StratumCounts {
  /** "GetProduct", or "other" where there are more than are told apart. */
  readonly method: string;
  /** The service that calls. */
  readonly caller: string;
  /** What was chosen for it, "catalog-v2". */
  readonly backend: string;
  /** As often as the split decided. */
  readonly requests: number;
  /** Each time that it was sent, also again after a broken connection. */
  readonly attempts: number;
  /** Of the attempts. */
  readonly failed: number;
  /** For each threshold, the attempts that failed or took longer. */
  readonly slow: readonly number[];
  /** The trace of the last request that failed, and for each threshold of the last that was slow; "" where there was none. */
  readonly failedTrace: string;
  readonly slowTraces: readonly string[];
}

/** Calls that the instances of a version made to other services. */
export interface VersionCalls {
  readonly version: string;
  readonly calls: number;
}

/** How long the first hundred requests took that an instance had since the watch was opened. */
export interface FirstCalls {
  /** "catalog-v2-1" */
  readonly instance: string;
  readonly medianUs: number;
}

const FIRST_CALLS = 100;
const MOST_INSTANCES = 100;
/** Callers choose paths, so there is an end to what is told apart. */
const MOST_STRATA = 500;
const OTHER = "other";

interface Stratum {
  readonly method: string;
  readonly caller: string;
  readonly backend: string;
  requests: number;
  attempts: number;
  failed: number;
  readonly slow: number[];
  failedTrace: string;
  readonly slowTraces: string[];
}

export class Watch {
  readonly service: string;
  readonly thresholdsUs: readonly number[];
  readonly #strata = new Map<string, Stratum>();
  readonly #calls = new Map<string, number>();
  /** By instance, in µs. */
  readonly #firstCalls = new Map<string, number[]>();

  constructor(service: string, thresholdsUs: readonly number[]) {
    this.service = service;
    this.thresholdsUs = thresholdsUs;
  }

  record(fields: LineFields, { edge: { pod, to }, server }: Target): void {
    const isCall = pod.service === this.service && to.parent !== this.service;
    if (isCall) this.#calls.set(pod.version, (this.#calls.get(pod.version) ?? 0) + 1);
    if (to.parent !== this.service || to.backend === "") return;

    const stratum = this.#stratumOf(methodOf(fields), pod.service, to.backend);
    const httpStatus = fields.number(OUTBOUND.httpStatus);
    const grpcStatus = grpcStatusOf(httpStatus, fields.number(OUTBOUND.grpcStatus));
    const [first, second] = [fields.byte(OUTBOUND.termination), fields.byte(OUTBOUND.termination, 1)];
    const isCancelled = errorOf(first, second, grpcStatus, server !== "") === CANCEL;
    const failed = !isCancelled && isFailure(httpStatus, grpcStatus);
    // HAProxy sends again only what got no answer.
    const retries = Math.max(0, fields.number(OUTBOUND.retries));
    const trace = traceIdOf(fields, OUTBOUND) ?? "";
    stratum.requests += 1;
    stratum.attempts += 1 + retries;
    stratum.failed += retries + (failed ? 1 : 0);
    if (failed) stratum.failedTrace = trace || stratum.failedTrace;
    const us = fields.number(OUTBOUND.durationUs);
    if (server !== "") this.#answered(server, us);
    for (const [index, thresholdUs] of this.thresholdsUs.entries()) {
      const isSlow = failed || us > thresholdUs;
      stratum.slow[index] = (stratum.slow[index] ?? 0) + retries + (isSlow ? 1 : 0);
      if (isSlow) stratum.slowTraces[index] = trace || (stratum.slowTraces[index] ?? "");
    }
  }

  counts(): Omit<WatchCounts, "linesLost"> {
    return {
      strata: [...this.#strata.values()],
      calls: [...this.#calls].map(([version, calls]) => ({ version, calls })),
      firstCalls: [...this.#firstCalls]
        .filter(([, durations]) => durations.length === FIRST_CALLS)
        .map(([instance, durations]) => ({ instance, medianUs: median(durations) })),
    };
  }

  #answered(instance: string, us: number): void {
    const durations = this.#firstCalls.get(instance);
    if (durations && durations.length < FIRST_CALLS) durations.push(us);
    else if (!durations && this.#firstCalls.size < MOST_INSTANCES) this.#firstCalls.set(instance, [us]);
  }

  #stratumOf(method: string, caller: string, backend: string): Stratum {
    const key = `${method} ${caller} ${backend}`;
    const known = this.#strata.get(key);
    if (known) return known;
    if (this.#strata.size >= MOST_STRATA && method !== OTHER) return this.#stratumOf(OTHER, caller, backend);
    const none = this.thresholdsUs.map(() => 0);
    const slowTraces = none.map(() => "");
    const stratum = { method, caller, backend, requests: 0, attempts: 0, failed: 0, failedTrace: "", slowTraces };
    const made = { ...stratum, slow: none };
    this.#strata.set(key, made);
    return made;
  }
}

/** "GetProduct" of "/shop.catalog.v1.CatalogService/GetProduct". A path may hold a "|" itself. */
function methodOf(fields: LineFields): string {
  const inPath = Math.max(0, fields.count - OUTBOUND.count);
  const path = fields.text(OUTBOUND.path, OUTBOUND.path + inPath);
  return path.slice(path.lastIndexOf("/") + 1);
}
