import { AsyncLocalStorage } from "node:async_hooks";
import pg from "pg";
import { type CallContext, currentCall, whyOver } from "../call.ts";
import { DomainError } from "../domain-error.ts";

interface Waiting<Item, Result> {
  readonly item: Item;
  /** On whose behalf; undefined for work that nobody waits for. */
  readonly call: CallContext | undefined;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

interface Bounds {
  /** The most items of a batch; 64 unless told. */
  readonly size?: number;
  /** The most items that wait; 2,000 unless told, which is more than the calls that a process serves at once. */
  readonly limit?: number;
  /** Whether items are done for whoever has left as well: what they write down has happened. */
  readonly evenIfLeft?: boolean;
}

/**
 * Does together what arrives while the batch before is under way, so that under load a statement, its commit and its wait
 * for the disk serve many callers; alone, a caller waits no longer than without it. Each item has an outcome of its own. One
 * whose call is over before its batch begins is not done: its caller was told that it failed, and may have gone on from there.
 */
export class Batcher<Item, Result> {
  readonly #run: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #keyOf: (item: Item) => string;
  readonly #size: number;
  readonly #limit: number;
  readonly #evenIfLeft: boolean;
  /** A batch belongs to none of its callers: it is not run within the call that happens to begin it. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #waiting: Waiting<Item, Result>[] = [];
  #isBusy = false;

  /** `run` answers in the order of its items, of which no two have the same key. */
  constructor(
    run: (items: readonly Item[]) => Promise<readonly Result[]>,
    keyOf: (item: Item) => string,
    { size = 64, limit = 2_000, evenIfLeft = false }: Bounds = {},
  ) {
    this.#run = run;
    this.#keyOf = keyOf;
    this.#size = size;
    this.#limit = limit;
    this.#evenIfLeft = evenIfLeft;
  }

  /**
   * Resolves or rejects as the item does, whatever becomes of those that share its batch. Rejects with a DomainError "too-late"
   * or "caller-gone" when the current call is over before the item's turn, and "exhausted" when too many wait.
   */
  do(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#isFull()) {
        reject(new DomainError("exhausted", "TOO_MANY_CALLS", "Cannot write more just now: try again in a moment"));
        return;
      }
      this.#waiting.push({ item, call: this.#evenIfLeft ? undefined : currentCall(), resolve, reject });
      if (this.#isBusy) return;
      this.#isBusy = true;
      // What arrives in the same turn of the event loop goes along.
      setImmediate(() => void this.#outside(() => this.#work()));
    });
  }

  /** While a statement hangs, those that left make up the queue: only whoever still waits counts. */
  #isFull(): boolean {
    if (this.#waiting.length < this.#limit) return false;
    this.#waiting = this.#waiting.filter(isAwaited);
    return this.#waiting.length >= this.#limit;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) await this.#settle(this.#take());
    this.#isBusy = false;
  }

  #take(): Waiting<Item, Result>[] {
    const batch = new Map<string, Waiting<Item, Result>>();
    const left: Waiting<Item, Result>[] = [];
    for (const waiting of this.#waiting) {
      const key = this.#keyOf(waiting.item);
      if (batch.size >= this.#size || batch.has(key)) left.push(waiting);
      else if (isAwaited(waiting)) batch.set(key, waiting);
    }
    this.#waiting = left;
    return [...batch.values()];
  }

  async #settle(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      const results = await this.#run(batch.map(({ item }) => item));
      if (results.length !== batch.length) throw new Error(`A batch of ${batch.length} has ${results.length} results`);
      batch.forEach(({ resolve }, index) => {
        resolve(results[index] as Result); // as many as items
      });
    } catch (error) {
      if (batch.length > 1 && isOfOneItem(error)) {
        for (const one of batch) if (isAwaited(one)) await this.#settle([one]);
      } else for (const { reject } of batch) reject(error);
    }
  }
}

/** Whether somebody may still wait for the outcome; otherwise it is told so. */
function isAwaited({ call, reject }: Pick<Waiting<unknown, unknown>, "call" | "reject">): boolean {
  const reason = whyOver(call);
  if (reason) reject(reason);
  return reason === undefined;
}

/** Whether Postgres undid the whole for one item's data or lock: which item's, shows when each is on its own. */
function isOfOneItem(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^(22|23|40)/.test(error.code ?? "");
}
