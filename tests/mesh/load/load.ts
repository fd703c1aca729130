/** Makes calls for a while, at a rate or as many as can be had, and counts what became of them. */
import { arrivals } from "@row/load/arrivals.ts";
import { Latencies } from "@row/load/latencies.ts";
import { openLoop } from "@row/load/open-loop.ts";
import { SeededRandom } from "@row/load/seeded-random.ts";
import { type CallKind, callKinds, statusOf } from "./call-kinds.ts";
import type { CallCount, Failure, LoadJob, LoadResult } from "./load-job.ts";

/** So many wait for answers at once where there is no rate. */
const CALLERS = 8;

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
  readonly #durations = new Map<CallKind, Latencies>();
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
    for (const kind of kinds) this.#durations.set(kind, new Latencies());
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
    const { seconds, seed } = this.#job;
    await openLoop({
      arrivals: arrivals({ perSecond: rate, seconds, spacing: "uniform", seed }),
      startAt: this.#startedAt - performance.timeOrigin,
      begin: async ({ due }) => {
        this.#endedAt = now();
        this.#latestMs = Math.max(this.#latestMs, performance.now() - due);
        await this.#call();
      },
    });
  }

  result(): LoadResult {
    const seconds = (this.#endedAt - this.#startedAt) / 1_000;
    const answered = [...this.#durations.values()].reduce((sum, { count }) => sum + count, 0);
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
      this.#durations.get(kind)?.add(now() - startedAt);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const { method, through } = kind;
      this.#failures.push({ kind, method, through, status: statusOf(error), message, startedAt, endedAt: now() });
    }
  }

  #count(kind: CallKind, durations: Latencies): [string, CallCount] {
    const failed = this.#failures.filter((failure) => failure.kind === kind).length;
    const quantile = (share: number) => Number(durations.quantile(share).toFixed(1));
    const name = `${kind.through} ${kind.method.split("/").at(-1)}`;
    return [name, { calls: durations.count + failed, failed, p50: quantile(0.5), p99: quantile(0.99) }];
  }
}

/** Milliseconds since the epoch, finer than the clock's. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
