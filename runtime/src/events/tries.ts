import { LRUCache } from "lru-cache";

/** Far more than the server hands out without an answer. */
const KEPT = 1_000;

/**
 * How often each event has failed in this process, by its number in the stream. The server's own count cannot tell: it counts each
 * time that an event was handed out, also to a process that stopped, was killed or came before its turn. What is kept here is
 * forgotten at a restart, and other instances keep their own: then an event is tried more often, which does no harm.
 */
export class EventTries {
  readonly #failures = new LRUCache<number, number>({ max: KEPT });
  readonly #gaps = new LRUCache<number, number>({ max: KEPT });

  /** Counts a try that failed; answers how many have. */
  failed(sequence: number): number {
    return count(this.#failures, sequence);
  }

  hasFailed(sequence: number): boolean {
    return this.#failures.has(sequence);
  }

  /** Counts a try that came before its turn; answers how many have. */
  tooEarly(sequence: number): number {
    return count(this.#gaps, sequence);
  }

  forget(sequence: number): void {
    this.#failures.delete(sequence);
    this.#gaps.delete(sequence);
  }
}

function count(counts: LRUCache<number, number>, sequence: number): number {
  const next = (counts.get(sequence) ?? 0) + 1;
  counts.set(sequence, next);
  return next;
}
