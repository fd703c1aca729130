import { BUCKETS, bucketOf } from "./latency-buckets.ts";

/** What was counted in a window, also over several of them. */
export interface WindowTotals {
  requests: number;
  failures: number;
  /** Given up by the client before an answer. */
  cancelled: number;
  /** Sent again by the sidecar after a failed connection. */
  retries: number;
  /** Answered with DEADLINE_EXCEEDED, by the sidecar or by whoever was called. */
  timeouts: number;
  latencies: Uint32Array;
}

export function emptyTotals(): WindowTotals {
  return { requests: 0, failures: 0, cancelled: 0, retries: 0, timeouts: 0, latencies: new Uint32Array(BUCKETS) };
}

/** Requests of a while, counted in slots of some seconds each. */
export class SlidingWindow {
  readonly slotSeconds: number;
  /** The whole slots of the longest window, and the one that is running: what was just done shows at once. */
  readonly #slots: number;
  /** Which slot of all time each one holds now. */
  readonly #numbers: Float64Array;
  readonly #counts: Uint32Array;
  readonly #latencies: Uint32Array;

  /** @param slots of the longest window that will be asked for */
  constructor(slotSeconds: number, slots: number) {
    this.slotSeconds = slotSeconds;
    this.#slots = slots + 1;
    this.#numbers = new Float64Array(this.#slots).fill(-1);
    this.#counts = new Uint32Array(this.#slots * FIELDS);
    this.#latencies = new Uint32Array(this.#slots * BUCKETS);
  }

  record(second: number, us: number, isFailure: boolean, isCancelled: boolean, isTimeout: boolean, retries: number) {
    const number = Math.floor(second / this.slotSeconds);
    const slot = number % this.#slots;
    if (this.#numbers[slot] !== number) this.#begin(slot, number);
    const at = slot * FIELDS;
    const counts = this.#counts;
    counts[at + REQUESTS] = (counts[at + REQUESTS] ?? 0) + 1;
    if (isCancelled) counts[at + CANCELLED] = (counts[at + CANCELLED] ?? 0) + 1;
    else if (isFailure) counts[at + FAILURES] = (counts[at + FAILURES] ?? 0) + 1;
    if (isTimeout) counts[at + TIMEOUTS] = (counts[at + TIMEOUTS] ?? 0) + 1;
    if (retries > 0) counts[at + RETRIES] = (counts[at + RETRIES] ?? 0) + retries;
    const bucket = slot * BUCKETS + bucketOf(us);
    this.#latencies[bucket] = (this.#latencies[bucket] ?? 0) + 1;
  }

  /** Adds as many whole slots before the one of `second`, and what there is of that one. */
  addTo(totals: WindowTotals, second: number, slots: number): void {
    const now = Math.floor(second / this.slotSeconds);
    for (let slot = 0; slot < this.#slots; slot += 1) {
      const age = now - (this.#numbers[slot] ?? -1);
      if (age < 0 || age > slots) continue;
      const count = (field: number) => this.#counts[slot * FIELDS + field] ?? 0;
      totals.requests += count(REQUESTS);
      totals.failures += count(FAILURES);
      totals.cancelled += count(CANCELLED);
      totals.retries += count(RETRIES);
      totals.timeouts += count(TIMEOUTS);
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
        totals.latencies[bucket] = (totals.latencies[bucket] ?? 0) + (this.#latencies[slot * BUCKETS + bucket] ?? 0);
      }
    }
  }

  #begin(slot: number, number: number): void {
    this.#numbers[slot] = number;
    this.#counts.fill(0, slot * FIELDS, (slot + 1) * FIELDS);
    this.#latencies.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS);
  }
}

/** Where the counts of a slot stand. */
const REQUESTS = 0;
const FAILURES = 1;
const CANCELLED = 2;
const RETRIES = 3;
const TIMEOUTS = 4;
const FIELDS = 5;
