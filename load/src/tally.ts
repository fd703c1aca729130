/** Counts what became of requests, in the same memory however many there are. */
import { Latencies } from "./latencies.ts";
import type { Counts } from "./load-counts.ts";

/** A request that has ended. */
export interface Sample {
  /** "200", or why it failed. */
  readonly status: string;
  readonly isOk: boolean;
  /** "catalog/v2", of every service on its way. */
  readonly servedBy: readonly string[];
  /** From when it was due. */
  readonly ms: number;
  /** Until it left, or was given up. */
  readonly waitedMs: number;
}

/** What waits for a connection at this moment. */
export interface QueueNow {
  readonly waiting: number;
  readonly longestMs: number;
}

/** What waits longer than this says that the load is more than can be sent. */
export const LATE_MS = 1_000;
/** A target may answer anything, and name any version: what comes on top is counted together. */
const MOST_NAMES = 50;
const OTHERS = "others";

interface Counted {
  requests: number;
  failed: number;
}

export class Tally {
  readonly #latencies = new Latencies();
  readonly #statuses = new Map<string, Counted>();
  readonly #versions = new Map<string, Counted>();
  #requests = 0;
  #failed = 0;
  #late = 0;
  #longestWaitMs = 0;

  add({ status, isOk, servedBy, ms, waitedMs }: Sample): void {
    this.#requests += 1;
    if (!isOk) this.#failed += 1;
    if (waitedMs > LATE_MS) this.#late += 1;
    this.#longestWaitMs = Math.max(this.#longestWaitMs, waitedMs);
    this.#latencies.add(ms);
    count(this.#statuses, status, isOk);
    for (const version of new Set(servedBy)) count(this.#versions, version, isOk);
  }

  counts({ waiting, longestMs }: QueueNow): Counts {
    return {
      requests: this.#requests,
      ok: this.#requests - this.#failed,
      failed: this.#failed,
      statuses: Object.fromEntries([...this.#statuses].map(([status, { requests }]) => [status, requests])),
      p50: this.#latencies.quantile(0.5),
      p90: this.#latencies.quantile(0.9),
      p99: this.#latencies.quantile(0.99),
      longest: this.#latencies.quantile(1),
      versions: Object.fromEntries(
        [...this.#versions].sort(byName).map(([version, counted]) => [version, { ...counted }]),
      ),
      backlog: {
        late: this.#late,
        longestMs: Math.round(Math.max(this.#longestWaitMs, longestMs)),
        waiting,
      },
    };
  }

  /** Forgets what it has counted. */
  reset(): void {
    this.#latencies.reset();
    this.#statuses.clear();
    this.#versions.clear();
    this.#requests = 0;
    this.#failed = 0;
    this.#late = 0;
    this.#longestWaitMs = 0;
  }
}

function count(names: Map<string, Counted>, name: string, isOk: boolean): void {
  const key = names.has(name) || names.size < MOST_NAMES ? name : OTHERS;
  const counted = names.get(key) ?? { requests: 0, failed: 0 };
  counted.requests += 1;
  if (!isOk) counted.failed += 1;
  names.set(key, counted);
}

function byName([a]: readonly [name: string, ...unknown[]], [b]: readonly [name: string, ...unknown[]]): number {
  return a < b ? -1 : 1;
}
