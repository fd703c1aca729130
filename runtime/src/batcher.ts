import pg from "pg";

interface Waiting<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Does together what arrives while the batch before is under way, so that under load a statement, its commit and its wait
 * for the disk serve many callers; alone, a caller waits no longer than without it. Each item has an outcome of its own.
 */
export class Batcher<Item, Result> {
  readonly #run: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #keyOf: (item: Item) => string;
  readonly #size: number;
  #waiting: Waiting<Item, Result>[] = [];
  #isBusy = false;

  /** `run` answers in the order of its items, of which no two have the same key; `size` is the most it gets, 64 unless told. */
  constructor(
    run: (items: readonly Item[]) => Promise<readonly Result[]>,
    keyOf: (item: Item) => string,
    { size = 64 }: { size?: number } = {},
  ) {
    this.#run = run;
    this.#keyOf = keyOf;
    this.#size = size;
  }

  /** Resolves or rejects as the item does, whatever becomes of those that share its batch. */
  do(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#isBusy) return;
      this.#isBusy = true;
      // What arrives in the same turn of the event loop goes along.
      setImmediate(() => void this.#work());
    });
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
      if (batch.size < this.#size && !batch.has(key)) batch.set(key, waiting);
      else left.push(waiting);
    }
    this.#waiting = left;
    return [...batch.values()];
  }

  async #settle(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#run(batch.map(({ item }) => item));
      if (results.length !== batch.length) throw new Error(`A batch of ${batch.length} has ${results.length} results`);
      batch.forEach(({ resolve }, index) => {
        resolve(results[index] as Result); // as many as items
      });
    } catch (error) {
      if (batch.length > 1 && isOfOneItem(error)) for (const one of batch) await this.#settle([one]);
      else for (const { reject } of batch) reject(error);
    }
  }
}

/** Whether Postgres undid the whole for one item's data or lock: which item's, shows when each is on its own. */
function isOfOneItem(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^(22|23|40)/.test(error.code ?? "");
}
