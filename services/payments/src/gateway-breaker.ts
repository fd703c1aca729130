/** When the card gateway is left alone, and for how long: by durations also where cockatiel 4.0.0 goes by the wall clock, which may be set. */
import { type CircuitState, type IBackoff, type IBreaker, SamplingBreaker } from "cockatiel";

/** How long it is left alone before a request tries again. */
const LEFT_ALONE_MS = 500;
const SAMPLED = { threshold: 0.7, duration: 5_000, minimumRps: 5 };
/** Clocks that are merely kept right move by less in the life of a sample. */
const SET_MS = 1_000;

/** cockatiel's `halfOpenAfter`. It compares the duration with what the wall clock says has passed: all time, or none. */
export const leftAlone = {
  next(): IBackoff<unknown> {
    const end = performance.now() + LEFT_ALONE_MS;
    return {
      get duration() {
        return performance.now() < end ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
      },
      next: leftAlone.next,
    };
  },
};

/** Opens when most requests of five seconds fail. Samples from before the clock was set count no more: they would never grow old. */
export class GatewayBreaker implements IBreaker {
  #samples = new SamplingBreaker(SAMPLED);
  #clockStartedAt = clockStart();

  get state(): unknown {
    return this.#samples.state;
  }

  set state(value: unknown) {
    this.#samples.state = value;
  }

  success(state: CircuitState): void {
    this.#forgetIfSet();
    this.#samples.success(state);
  }

  failure(state: CircuitState): boolean {
    this.#forgetIfSet();
    return this.#samples.failure(state);
  }

  #forgetIfSet(): void {
    const startedAt = clockStart();
    if (Math.abs(startedAt - this.#clockStartedAt) > SET_MS) this.#samples = new SamplingBreaker(SAMPLED);
    this.#clockStartedAt = startedAt;
  }
}

/** What the wall clock says of the moment at which this process began: the same until somebody sets it. */
function clockStart(): number {
  return Date.now() - performance.now();
}
