/** Latencies in Node's own HDR histogram: three significant digits, in the same memory however many there are. */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

/** Longer ones count as this long. */
const LONGEST_US = 300_000_000;

export class Latencies {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: LONGEST_US, figures: 3 });

  add(milliseconds: number): void {
    this.#histogram.record(Math.min(LONGEST_US, Math.max(1, Math.round(milliseconds * 1_000))));
  }

  get count(): number {
    return this.#histogram.count;
  }

  /** In milliseconds, what this share of all lie at or below; 0 when there are none. */
  quantile(share: number): number {
    return this.count === 0 ? 0 : this.#histogram.percentile(share * 100) / 1_000;
  }

  reset(): void {
    this.#histogram.reset();
  }
}
