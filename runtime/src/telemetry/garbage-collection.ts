/** Collects garbage in full when asked, so that what the heap then holds is what is kept: for who looks for a leak. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** It stops the process for some ten milliseconds, so whoever asks more often is not heard. */
const LEAST_BETWEEN_MS = 4_000;

/** As V8 documents its "gc" extension: in a task of its own. */
type Collect = (options: { readonly type: "major"; readonly execution: "async" }) => Promise<void>;

export class GarbageCollection {
  #collect: Collect | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;

  /** Answers whether it did; not when the last time was just now. */
  async collect(nowMs = performance.now()): Promise<boolean> {
    if (nowMs - this.#lastMs < LEAST_BETWEEN_MS) return false;
    this.#lastMs = nowMs;
    this.#collect ??= exposed();
    await this.#collect({ type: "major", execution: "async" });
    return true;
  }
}

/** V8 gives it to contexts that are made after the flag is set. */
function exposed(): Collect {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}
