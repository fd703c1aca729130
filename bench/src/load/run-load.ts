/** Asks as much as some connections can carry, which is what throughput is measured by; or at a pace. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { arrivals } from "@row/load/arrivals.ts";
import { Connections } from "@row/load/connections.ts";
import { HttpConnection, type HttpResponse } from "@row/load/http-connection.ts";
import { encode, reasonOf } from "@row/load/http-request.ts";
import { Latencies } from "@row/load/latencies.ts";
import { openLoop } from "@row/load/open-loop.ts";
import { Confirmations } from "./confirmations.ts";
import type { LoadJob, LoadResult } from "./load-job.ts";

/** Does the job: each connection sends its next request when the last has ended, or each request leaves when it is due. */
export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const confirmations = job.confirmIn === undefined ? undefined : await Confirmations.open(job.confirmIn);
  try {
    return await new Load(job, confirmations).run();
  } finally {
    await confirmations?.close();
  }
}

/** A failing target must not make this loop spin. */
const PAUSE_AFTER_FAILURE_MS = 50;
const ANSWER_MS = 15_000;
/** Of requests that wait for a connection. */
const MOST_QUEUED = 10_000;

class Load {
  readonly #job: LoadJob;
  readonly #confirmations: Confirmations | undefined;
  readonly #requests: string[][];
  readonly #latencies = new Latencies();
  readonly #errors: Record<string, number> = {};
  readonly #run = randomUUID();
  #startedAt = 0;
  #sent = 0;

  constructor(job: LoadJob, confirmations: Confirmations | undefined) {
    this.#job = job;
    this.#confirmations = confirmations;
    this.#requests = job.requests.map(encode);
  }

  async run(): Promise<LoadResult> {
    this.#startedAt = performance.now();
    const { connections, seconds, pace } = this.#job;
    if (pace) await this.#runPaced(pace);
    else await Promise.all(Array.from({ length: connections }, () => this.#connection()));
    return {
      requests: this.#latencies.count,
      perSecond: this.#latencies.count / seconds,
      p50: this.#latencies.quantile(0.5),
      p99: this.#latencies.quantile(0.99),
      errors: this.#errors,
    };
  }

  get #end(): number {
    return this.#startedAt + this.#job.seconds * 1_000;
  }

  async #runPaced(perSecond: number): Promise<void> {
    const { port, connections: most, seconds } = this.#job;
    const connections = new Connections({ port, connections: most, queued: MOST_QUEUED, deadlineMs: ANSWER_MS });
    await openLoop({
      arrivals: arrivals({ perSecond, seconds, spacing: "uniform", seed: 1 }),
      startAt: this.#startedAt,
      begin: ({ number, due }) => this.#measure(due, () => connections.send(this.#text(number), due, () => {})),
    });
    connections.close();
  }

  async #connection(): Promise<void> {
    let connection: HttpConnection | undefined;
    const send = async (text: string) => {
      if (!connection?.isOpen) connection = await HttpConnection.open(this.#job.port);
      return connection.send(text, ANSWER_MS);
    };
    while (performance.now() < this.#end) {
      const text = this.#text(this.#sent++);
      if (!(await this.#measure(performance.now(), () => send(text)))) await sleep(PAUSE_AFTER_FAILURE_MS);
    }
    connection?.close();
  }

  #text(number: number): string {
    return (this.#requests[number % this.#requests.length] ?? []).join(`${this.#run}-${number}`);
  }

  /** Counts what becomes of a request; answers whether there was an answer at all. */
  async #measure(from: number, send: () => Promise<HttpResponse>): Promise<boolean> {
    try {
      const failure = await this.#failureOf(await send());
      if (failure) this.#count(failure);
      else if (performance.now() <= this.#end) this.#latencies.add(performance.now() - from);
      return true;
    } catch (error) {
      this.#count(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** What was wrong with the outcome, once it is there. */
  async #failureOf({ status, body }: HttpResponse): Promise<string | undefined> {
    if (status < 200 || status > 299) return `HTTP ${status} ${reasonOf(body) ?? body.slice(0, 80)}`;
    if (!this.#confirmations) return undefined;
    const state = await this.#confirmations.whenDecided(JSON.parse(body).order.id);
    return state === "CONFIRMED" ? undefined : state;
  }

  #count(failure: string): void {
    this.#errors[failure] = (this.#errors[failure] ?? 0) + 1;
  }
}
