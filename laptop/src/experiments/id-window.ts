/** Which orders are new since the last look, by their ids, which begin with the time at which they were made. Pure: it only computes. */

/** Whoever wrote one has committed it by then. */
const OVERLAP_MS = 10_000;
/** An order that is still open after that is left out: nobody can say yet how it ends. */
const LONGEST_OPEN_MS = 60_000;

/** "0198c5a0-…" → when it was made, in ms since the epoch (RFC 9562, section 5.7). */
export function msOf(id: string): number {
  return Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16);
}

/** The lowest id of that time. */
export function lowestId(ms: number): string {
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** What has been seen of all orders from one on: who asks for those after `from` and not in `taken` misses none. */
export class IdWindow {
  readonly #first: string;
  readonly #taken = new Set<string>();
  readonly #open = new Set<string>();
  #newestMs: number;

  /** @param first nothing before it is looked at */
  constructor(first: string) {
    this.#first = first;
    this.#newestMs = msOf(first);
  }

  get from(): string {
    const openMs = [...this.#open].map(msOf);
    const ms = Math.max(this.#newestMs - LONGEST_OPEN_MS, Math.min(this.#newestMs - OVERLAP_MS, ...openMs));
    const lowest = lowestId(ms);
    return lowest > this.#first ? lowest : this.#first;
  }

  /** Those that need not be told again. */
  get taken(): readonly string[] {
    return [...this.#taken];
  }

  /** Notes what was found; those that are open are asked for again. */
  saw(orders: readonly { readonly id: string; readonly isOpen: boolean }[]): void {
    for (const { id, isOpen } of orders) {
      this.#newestMs = Math.max(this.#newestMs, msOf(id));
      (isOpen ? this.#open : this.#taken).add(id);
      if (!isOpen) this.#open.delete(id);
    }
    const from = this.from;
    for (const ids of [this.#taken, this.#open]) for (const id of ids) if (id < from) ids.delete(id);
  }
}
