/** Lets a bounded number of things happen at once; the others wait their turn. Nothing here does I/O. */

/** The right to be one of them, until it is released or disposed of; a second time does nothing. */
export interface Permit extends Disposable {
  release(): void;
}

export class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(permits: number) {
    this.#free = permits;
  }

  /** A permit when one is free, else undefined. */
  tryAcquire(): Permit | undefined {
    if (this.#free <= 0) return undefined;
    this.#free -= 1;
    return this.#permit();
  }

  /** A permit, in the order of asking. Rejects with the signal's reason when that aborts before its turn. */
  async acquire(signal: AbortSignal): Promise<Permit> {
    signal.throwIfAborted();
    return this.tryAcquire() ?? (await this.#turn(signal));
  }

  /** Runs `work` with a permit. Rejects with the signal's reason, and does not run it, when that aborts before its turn. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    using _ = await this.acquire(signal);
    return await work();
  }

  #turn(signal: AbortSignal): Promise<Permit> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(onTurn);
        reject(signal.reason);
      };
      const onTurn = () => {
        signal.removeEventListener("abort", onAbort);
        resolve(this.#permit());
      };
      this.#waiting.add(onTurn);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #permit(): Permit {
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      this.#passOn();
    };
    return { release, [Symbol.dispose]: release };
  }

  /** The permit goes to the one that waits longest, without being free in between. */
  #passOn(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
