import { setTimeout as sleep } from "node:timers/promises";

/** A span of time that several things share, one after the other. */
export class Countdown {
  readonly #end: number;

  constructor(milliseconds: number) {
    this.#end = performance.now() + milliseconds;
  }

  /** What the next thing may take: so much at most, and no more than leaves `kept` for those after it. */
  share(atMost: number, kept: number): number {
    return Math.max(0, Math.min(atMost, this.#end - kept - performance.now()));
  }
}

/** Waits for the work, so many milliseconds at most; answers whether it has ended. */
export async function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  const ended = new AbortController();
  const timeIsUp = sleep(milliseconds, false, { signal: ended.signal }).catch(() => false);
  try {
    return await Promise.race([work.then(() => true), timeIsUp]);
  } finally {
    ended.abort();
  }
}
