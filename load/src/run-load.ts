/** Runs a load: requests leave when they were due, whatever became of those before, and each is counted when it has ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { arrivals } from "./arrivals.ts";
import { Connections, NotSent } from "./connections.ts";
import { type HttpResponse, headerOf, TimedOut } from "./http-connection.ts";
import { reasonOf } from "./http-request.ts";
import type { Counts, LoadSecond, LoadSummary } from "./load-counts.ts";
import type { LoadJob } from "./load-job.ts";
import type { CallName } from "./mixes.ts";
import { openLoop } from "./open-loop.ts";
import { SeededRandom } from "./seeded-random.ts";
import { Shoppers, type Wanted } from "./shoppers.ts";
import { type QueueNow, type Sample, Tally } from "./tally.ts";

/** From when a request was due. */
const DEADLINE_MS = 10_000;
const MOST_QUEUED = 10_000;

export interface LoadListeners {
  /** Ends it before its time: what is under way is waited for, what waits is not sent. */
  readonly signal?: AbortSignal;
  /** Hears that everything is prepared, and requests begin. */
  readonly onBegin?: () => void;
  /** @param total what was counted since it began */
  readonly onSecond?: (second: LoadSecond, total: Counts) => void;
  readonly onSample?: (kind: CallName, sample: Sample) => void;
}

/** Throws RowError where the shop cannot be entered. */
export async function runLoad(job: LoadJob, listeners: LoadListeners = {}): Promise<LoadSummary> {
  const shoppers = await Shoppers.enter(job);
  return new Load(job, shoppers, listeners).run();
}

class Load {
  readonly #job: LoadJob;
  readonly #shoppers: Shoppers;
  readonly #listeners: LoadListeners;
  readonly #connections: Connections;
  readonly #total = new Tally();
  readonly #second = new Tally();
  readonly #kinds = new Map<CallName, Tally>();

  constructor(job: LoadJob, shoppers: Shoppers, listeners: LoadListeners) {
    this.#job = job;
    this.#shoppers = shoppers;
    this.#listeners = listeners;
    const [host = "", port] = job.edge.split(":");
    const { connections } = job;
    this.#connections = new Connections({
      host,
      port: Number(port),
      connections,
      queued: MOST_QUEUED,
      deadlineMs: DEADLINE_MS,
    });
  }

  async run(): Promise<LoadSummary> {
    const { rate: perSecond, seconds, spacing, seed } = this.#job;
    const { signal } = this.#listeners;
    const random = new SeededRandom(seed);
    this.#listeners.onBegin?.();
    const startAt = performance.now();
    const ended = new AbortController();
    const ticking = this.#tick(startAt, ended.signal);
    const stop = () => this.#connections.close();
    signal?.addEventListener("abort", stop);
    const due = await openLoop({
      arrivals: arrivals({ perSecond, seconds, spacing, seed: seed + 1 }),
      startAt,
      begin: ({ due }) => this.#send(this.#shoppers.next(random), due),
      signal,
    });
    signal?.removeEventListener("abort", stop);
    this.#connections.close();
    ended.abort();
    await ticking;
    return this.#summary(startAt, due);
  }

  async #send({ kind, request, onAnswer }: Wanted, due: number): Promise<void> {
    let sentAt: number | undefined;
    const ended = (status: string, response?: HttpResponse) => {
      const now = performance.now();
      const isOk = response !== undefined && response.status >= 200 && response.status <= 299;
      this.#count(kind, { status, isOk, servedBy: servedBy(response), ms: now - due, waitedMs: (sentAt ?? now) - due });
      if (isOk) onAnswer?.(response.body);
    };
    try {
      const response = await this.#connections.send(request, due, () => {
        sentAt = performance.now();
      });
      ended(statusOf(response), response);
    } catch (error) {
      // What was not sent because the load was told to end has not failed.
      if (error instanceof NotSent && this.#listeners.signal?.aborted) return;
      ended(whyNoAnswer(error));
    }
  }

  #count(kind: CallName, sample: Sample): void {
    const ofKind = this.#kinds.get(kind) ?? new Tally();
    this.#kinds.set(kind, ofKind);
    for (const tally of [this.#second, this.#total, ofKind]) tally.add(sample);
    this.#listeners.onSample?.(kind, sample);
  }

  /** Tells of each second when it is over, the last one as far as it got. */
  async #tick(startAt: number, ended: AbortSignal): Promise<void> {
    for (let second = 1; !ended.aborted; second += 1) {
      const left = startAt + second * 1_000 - performance.now();
      await sleep(Math.max(0, left), undefined, { signal: ended }).catch(() => {});
      const counts = this.#second.counts(this.#queue);
      this.#second.reset();
      if (!ended.aborted || counts.requests > 0)
        this.#listeners.onSecond?.({ second, ...counts }, this.#total.counts(this.#queue));
    }
  }

  get #queue(): QueueNow {
    const { waiting, waitingSince } = this.#connections;
    return { waiting, longestMs: waitingSince === undefined ? 0 : performance.now() - waitingSince };
  }

  #summary(startAt: number, due: number): LoadSummary {
    const seconds = (performance.now() - startAt) / 1_000;
    const counts = this.#total.counts(this.#queue);
    const kinds = Object.fromEntries([...this.#kinds].map(([kind, tally]) => [kind, tally.counts(NOBODY_WAITS)]));
    const isCutShort = this.#listeners.signal?.aborted ?? false;
    return { ...counts, seconds, perSecond: counts.ok / seconds, due, kinds, isCutShort };
  }
}

const NOBODY_WAITS: QueueNow = { waiting: 0, longestMs: 0 };

function statusOf({ status, body }: HttpResponse): string {
  const reason = status > 299 ? reasonOf(body) : undefined;
  return reason === undefined ? String(status) : `${status} ${reason}`;
}

/** "edge/v1/edge-v1-1, catalog/v2/catalog-v2-1" is edge/v1 and catalog/v2. */
function servedBy(response: HttpResponse | undefined): string[] {
  const hops = response && headerOf(response.head, "x-served-by");
  return hops ? hops.split(", ").map((hop) => hop.split("/", 2).join("/")) : [];
}

function whyNoAnswer(error: unknown): string {
  if (error instanceof NotSent) return `not sent: ${error.message}`;
  if (error instanceof TimedOut) return "no answer in time";
  return error instanceof Error ? error.message.replace(/ [\d.]+:\d+$/, "") : String(error);
}
