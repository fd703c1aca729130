/** Begins work when it is due, whatever became of what was begun before: a slow target meets as many as a fast one. */
import { setTimeout as sleep, setImmediate as yieldToOthers } from "node:timers/promises";

export interface Arrival {
  /** From 0. */
  readonly number: number;
  /** When it was to begin, by performance.now(): latency counts from here. */
  readonly due: number;
}

export interface OpenLoop {
  /** Milliseconds from the start, in order. */
  readonly arrivals: Iterable<number>;
  /** By performance.now(); now when absent. */
  readonly startAt?: number;
  /** Begins one and settles when it has ended; must not reject. */
  readonly begin: (arrival: Arrival) => Promise<unknown>;
  /** No more begin once it is aborted; what has begun goes on to its end. */
  readonly signal?: AbortSignal;
}

/** Resolves when the last one that was begun has ended; answers how many that were. */
export async function openLoop({ arrivals, startAt = performance.now(), begin, signal }: OpenLoop): Promise<number> {
  const underWay = new Set<Promise<unknown>>();
  let number = 0;
  for (const at of arrivals) {
    const due = startAt + at;
    await reach(due, signal);
    if (signal?.aborted) break;
    const work: Promise<unknown> = begin({ number, due }).finally(() => underWay.delete(work));
    underWay.add(work);
    number += 1;
  }
  await Promise.all(underWay);
  return number;
}

async function reach(due: number, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    const ms = due - performance.now();
    // Who is behind must not keep answers from being read.
    if (ms <= 0) return yieldToOthers();
    // A timer of Node's may fire up to a millisecond early.
    await sleep(Math.ceil(ms), undefined, { signal }).catch(() => {});
    if (signal?.aborted) return;
  }
}
