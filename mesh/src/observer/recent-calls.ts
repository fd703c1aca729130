/** The calls of the last seconds and minutes: exactly for the seconds, and in steps of ten seconds for the minutes. */
import { SlidingWindow, type WindowTotals } from "./sliding-window.ts";

/** What `row stat` looks back on unless told otherwise. */
export const WINDOW_SECONDS = 10;
export const LONGEST_WINDOW_SECONDS = 300;
const STEP_SECONDS = 10;

export class RecentCalls {
  readonly #seconds = new SlidingWindow(1, WINDOW_SECONDS);
  readonly #minutes = new SlidingWindow(STEP_SECONDS, LONGEST_WINDOW_SECONDS / STEP_SECONDS);

  record(second: number, us: number, isFailure: boolean, isCancelled: boolean, isTimeout: boolean, retries: number) {
    this.#seconds.record(second, us, isFailure, isCancelled, isTimeout, retries);
    this.#minutes.record(second, us, isFailure, isCancelled, isTimeout, retries);
  }

  /** Adds the calls of a window that ends now, which `secondsOf` measures. */
  addTo(totals: WindowTotals, second: number, windowSeconds: number): void {
    if (windowSeconds <= WINDOW_SECONDS) this.#seconds.addTo(totals, second, windowSeconds);
    else this.#minutes.addTo(totals, second, windowSeconds / STEP_SECONDS);
  }
}

/** A window that can be looked back on: a second to ten, or tens of seconds up to five minutes. */
export function wholeWindow(seconds: number): number {
  const step = seconds <= WINDOW_SECONDS ? 1 : STEP_SECONDS;
  return Math.min(Math.max(1, Math.ceil(seconds / step) * step), LONGEST_WINDOW_SECONDS);
}

/** How long a window really is now: its whole steps, and a part of one. */
export function secondsOf(windowSeconds: number, nowMs: number): number {
  const stepMs = windowSeconds <= WINDOW_SECONDS ? 1_000 : STEP_SECONDS * 1_000;
  return windowSeconds + (nowMs % stepMs) / 1_000;
}
