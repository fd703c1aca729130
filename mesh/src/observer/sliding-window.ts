import { BUCKETS, bucketOf } from "./latency-buckets.ts";

/** What `row stat` looks back on. */
export const WINDOW_SECONDS = 10;
/** The whole seconds of the window, and the one that is running: what was just done shows at once. */
const SLOTS = WINDOW_SECONDS + 1;

/** What was counted in a window, also over several of them. */
export interface WindowTotals {
  requests: number;
  failures: number;
  /** Given up by the client before an answer. */
  cancelled: number;
  latencies: Uint32Array;
}

export function emptyTotals(): WindowTotals {
  return { requests: 0, failures: 0, cancelled: 0, latencies: new Uint32Array(BUCKETS) };
}

/** Requests of the last ten seconds, counted second by second. */
export class SlidingWindow {
  readonly #seconds = new Float64Array(SLOTS).fill(-1);
  readonly #requests = new Uint32Array(SLOTS);
  readonly #failures = new Uint32Array(SLOTS);
  readonly #cancelled = new Uint32Array(SLOTS);
  readonly #latencies = new Uint32Array(SLOTS * BUCKETS);

  record(second: number, us: number, isFailure: boolean, isCancelled: boolean): void {
    const slot = second % SLOTS;
    if (this.#seconds[slot] !== second) this.#begin(slot, second);
    this.#requests[slot] = (this.#requests[slot] ?? 0) + 1;
    if (isCancelled) this.#cancelled[slot] = (this.#cancelled[slot] ?? 0) + 1;
    else if (isFailure) this.#failures[slot] = (this.#failures[slot] ?? 0) + 1;
    const bucket = slot * BUCKETS + bucketOf(us);
    this.#latencies[bucket] = (this.#latencies[bucket] ?? 0) + 1;
  }

  /** Adds the ten whole seconds before `second`, and what there is of that one. */
  addTo(totals: WindowTotals, second: number): void {
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const age = second - (this.#seconds[slot] ?? -1);
      if (age < 0 || age > WINDOW_SECONDS) continue;
      totals.requests += this.#requests[slot] ?? 0;
      totals.failures += this.#failures[slot] ?? 0;
      totals.cancelled += this.#cancelled[slot] ?? 0;
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
        totals.latencies[bucket] = (totals.latencies[bucket] ?? 0) + (this.#latencies[slot * BUCKETS + bucket] ?? 0);
      }
    }
  }

  #begin(slot: number, second: number): void {
    this.#seconds[slot] = second;
    this.#requests[slot] = 0;
    this.#failures[slot] = 0;
    this.#cancelled[slot] = 0;
    this.#latencies.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS);
  }
}
