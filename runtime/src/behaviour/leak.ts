/** Memory of the heap that is taken and not given back: what a leak looks like to who measures it. */

const EVERY_MS = 250;
const MINUTE_MS = 60_000;
const BYTES_PER_NUMBER = 8;

/** Takes so many bytes a minute until it has the most; gives all of it back when it is closed. */
export class Leak {
  readonly #kept: number[][] = [];
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;

  constructor({ bytesPerMinute, mostBytes }: { readonly bytesPerMinute: number; readonly mostBytes: number }) {
    const startedAt = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.min(mostBytes, ((performance.now() - startedAt) / MINUTE_MS) * bytesPerMinute);
      const missing = Math.floor((due - this.#bytes) / BYTES_PER_NUMBER);
      if (missing <= 0) return;
      // Numbers with a fraction: the heap keeps eight bytes for each of them.
      this.#kept.push(new Array<number>(missing).fill(0.5));
      this.#bytes += missing * BYTES_PER_NUMBER;
    }, EVERY_MS).unref();
  }

  get bytes(): number {
    return this.#bytes;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#kept.length = 0;
    this.#bytes = 0;
  }
}
