/** Which of the traces that start here are exported: so many a second. */

/** A token bucket that holds two seconds' worth: a quiet shop keeps every trace, a busy one pays for a few. */
export class TraceSampling {
  readonly #perSecond: number;
  readonly #now: () => number;
  #tokens: number;
  #filledMs: number;

  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#tokens = 2 * perSecond;
    this.#filledMs = now();
  }

  /** Decides about a trace that starts now. */
  takes(): boolean {
    const now = this.#now();
    this.#tokens = Math.min(2 * this.#perSecond, this.#tokens + ((now - this.#filledMs) / 1_000) * this.#perSecond);
    this.#filledMs = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
