/** Makes calls for a while, at a rate or as many as can be had, and counts what became of them. */
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../chaos/seeded-random.ts";
import { type CallKind, callKinds, statusOf } from "./call-kinds.ts";
import type { CallCount, Failure, LoadJob, LoadResult } from "./load-job.ts";

/** So many wait for answers at once where there is no rate. */
const CALLERS = 8;
const TICK_MS = 2;

export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const { kinds, close } = callKinds(job);
  const load = new Load(job, kinds);
  await (job.rate === undefined ? load.runClosed() : load.runOpen(job.rate));
  close();
  return load.result();
}

class Load {
  readonly #job: LoadJob;
  readonly #random: SeededRandom;
  readonly #drawn: CallKind[];
  readonly #durations = new Map<CallKind, number[]>();
  readonly #failures: (Failure & { kind: CallKind })[] = [];
  readonly #accepted: string[] = [];
  readonly #startedAt: number;
  #latestMs = 0;
  #endedAt = 0;

  constructor(job: LoadJob, kinds: CallKind[]) {
    this.#job = job;
    this.#startedAt = job.startAt ?? now();
    this.#random = new SeededRandom(job.seed);
    this.#drawn = kinds.flatMap((kind) => Array.from({ length: kind.share }, () => kind));
    for (const kind of kinds) this.#durations.set(kind, []);
  }

  async runClosed(): Promise<void> {
    const end = this.#startedAt + this.#job.seconds * 1_000;
    const caller = async () => {
      while (now() < end) await this.#call();
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    this.#endedAt = now();
  }

  async runOpen(rate: number): Promise<void> {
    const calls: Promise<void>[] = [];
    const total = Math.floor(rate * this.#job.seconds);
    while (calls.length < total) {
      for (;;) {
        const late = now() - (this.#startedAt + (calls.length * 1_000) / rate);
        if (late < 0 || calls.length === total) break;
        this.#latestMs = Math.max(this.#latestMs, late);
        calls.push(this.#call());
      }
      await sleep(TICK_MS);
    }
    this.#endedAt = now();
    await Promise.all(calls);
  }

  result(): LoadResult {
    const seconds = (this.#endedAt - this.#startedAt) / 1_000;
    const answered = [...this.#durations.values()].reduce((sum, { length }) => sum + length, 0);
    return {
      startedAt: this.#startedAt,
      perSecond: answered / seconds,
      calls: Object.fromEntries([...this.#durations].map(([kind, durations]) => this.#count(kind, durations))),
      failures: this.#failures.map(({ kind: _, ...failure }) => failure),
      accepted: this.#accepted,
      latestMs: Math.round(this.#latestMs),
    };
  }

  async #call(): Promise<void> {
    const kind = this.#drawn[this.#random.between(0, this.#drawn.length - 1)];
    const productId = this.#job.productIds[this.#random.between(0, this.#job.productIds.length - 1)];
    if (!kind || !productId) throw new Error("A load needs kinds of calls, and products");
    const startedAt = now();
    try {
      const accepted = await kind.make(productId);
      if (accepted !== undefined) this.#accepted.push(accepted);
      this.#durations.get(kind)?.push(now() - startedAt);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const { method, through } = kind;
      this.#failures.push({ kind, method, through, status: statusOf(error), message, startedAt, endedAt: now() });
    }
  }

  #count(kind: CallKind, durations: number[]): [string, CallCount] {
    const failed = this.#failures.filter((failure) => failure.kind === kind).length;
    const sorted = durations.toSorted((a, b) => a - b);
    const quantile = (share: number) => Number((sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1));
    const name = `${kind.through} ${kind.method.split("/").at(-1)}`;
    return [name, { calls: durations.length + failed, failed, p50: quantile(0.5), p99: quantile(0.99) }];
  }
}

/** Milliseconds since the epoch, finer than the clock's. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
