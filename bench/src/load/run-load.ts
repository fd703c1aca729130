import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Confirmations } from "./confirmations.ts";
import { HttpConnection } from "./http-connection.ts";
import { Latencies } from "./latencies.ts";
import type { LoadJob, LoadRequest, LoadResult } from "./load-job.ts";

/** Does the job: each connection sends its next request when the last has ended, or when the next is due. */
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
    const { connections, seconds } = this.#job;
    await Promise.all(Array.from({ length: connections }, () => this.#connection()));
    return {
      requests: this.#latencies.count,
      perSecond: this.#latencies.count / seconds,
      p50: this.#latencies.quantile(0.5),
      p99: this.#latencies.quantile(0.99),
      errors: this.#errors,
    };
  }

  async #connection(): Promise<void> {
    const end = this.#startedAt + this.#job.seconds * 1_000;
    let connection: HttpConnection | undefined;
    while (performance.now() < end) {
      const number = this.#sent++;
      const due = this.#due(number);
      if (due >= end) break;
      if (due > performance.now()) await sleep(due - performance.now());
      const from = this.#job.pace ? due : performance.now();
      try {
        if (!connection?.isOpen) connection = await HttpConnection.open(this.#job.port);
        const failure = await this.#send(connection, number);
        if (failure) this.#count(failure);
        else if (performance.now() <= end) this.#latencies.add(performance.now() - from);
      } catch (error) {
        this.#count(error instanceof Error ? error.message : String(error));
        await sleep(PAUSE_AFTER_FAILURE_MS);
      }
    }
    connection?.close();
  }

  #due(number: number): number {
    return this.#job.pace ? this.#startedAt + (number * 1_000) / this.#job.pace : 0;
  }

  /** Sends a request to its end; answers what was wrong with the outcome. */
  async #send(connection: HttpConnection, number: number): Promise<string | undefined> {
    const parts = this.#requests[number % this.#requests.length] ?? [];
    const { status, body } = await connection.send(parts.join(`${this.#run}-${number}`));
    if (status < 200 || status > 299) return `HTTP ${status} ${reasonOf(body)}`;
    if (!this.#confirmations) return undefined;
    const state = await this.#confirmations.whenDecided(JSON.parse(body).order.id);
    return state === "CONFIRMED" ? undefined : state;
  }

  #count(failure: string): void {
    this.#errors[failure] = (this.#errors[failure] ?? 0) + 1;
  }
}

/** The bytes of a request, in two parts with the idempotency key between them where it has one. */
function encode({ method, path, headers, body = "", isMutation }: LoadRequest): string[] {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "host: 127.0.0.1",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body ? [`content-length: ${Buffer.byteLength(body)}`] : []),
  ];
  const rest = `\r\n\r\n${body}`;
  const head = lines.join("\r\n");
  return isMutation ? [`${head}\r\nidempotency-key: `, rest] : [head + rest];
}

/** The reason of a google.rpc.Status, or the start of whatever the body is. */
function reasonOf(body: string): string {
  return /"reason": ?"(\w+)"/.exec(body)?.[1] ?? body.slice(0, 80);
}
