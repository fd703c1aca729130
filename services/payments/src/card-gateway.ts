/** The card gateway, reached over HTTP behind a timeout, a bulkhead and a circuit breaker. */
import { Agent, request } from "node:http";
import { currentCall } from "@row/runtime/call.ts";
import { DomainError } from "@row/runtime/domain-error.ts";
import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  CircuitState,
  circuitBreaker,
  handleType,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from "cockatiel";
import { GatewayBreaker, leftAlone } from "./gateway-breaker.ts";
import type { Move } from "./payment.ts";

/** What the gateway says of a charge after a request. */
export interface GatewayAnswer {
  readonly status: "authorized" | "declined" | "captured" | "voided" | "refunded" | "refused";
  readonly declineCode?: string;
}

/** The gateway cannot be reached, is too slow, or fails: whether it did anything is not known. */
export class GatewayUnavailable extends DomainError {
  constructor(why: string) {
    super("dependency", "GATEWAY_UNAVAILABLE", `Cannot reach the card gateway: ${why}`);
  }
}

export interface CardGatewayOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly concurrency: number;
}

/** The caller went away: that says nothing about the gateway, and does not count against it. */
class CallerGone extends DomainError {
  constructor() {
    super("caller-gone", "CALLER_GONE", "Cannot wait for the card gateway: the caller has gone");
  }
}

/** Orders come in bursts; one that waits gives up by its own deadline. */
const WAITING_PER_REQUEST = 15;

/** Leaves the gateway alone when most requests of five seconds fail; tries again after half a second. */
export class CardGateway {
  readonly #options: CardGatewayOptions;
  readonly #breaker;
  readonly #inTime;
  readonly #bounds;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(options: CardGatewayOptions) {
    this.#options = options;
    // Outermost, so that while it is open nobody waits for a place.
    this.#breaker = circuitBreaker(handleType(GatewayUnavailable), {
      halfOpenAfter: leftAlone,
      breaker: new GatewayBreaker(),
    });
    this.#inTime = timeout(options.timeoutMs, { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false });
    this.#bounds = wrap(bulkhead(options.concurrency, options.concurrency * WAITING_PER_REQUEST), this.#inTime);
  }

  /** Holds an amount. A repeat for the same order gets the first answer. Throws GatewayUnavailable. */
  authorize(orderId: string, amountMinor: bigint, currency: string, token: string): Promise<GatewayAnswer> {
    const body = { reference: orderId, amountMinor: String(amountMinor), currency, token };
    return this.#post("/v1/authorizations", `${orderId}:authorize`, body);
  }

  /** Captures, voids or refunds an order's charge. A void of one never seen keeps it from ever happening. */
  move(orderId: string, verb: Move["verb"]): Promise<GatewayAnswer> {
    return this.#post(`/v1/authorizations/${orderId}/${verb}`, `${orderId}:${verb}`, undefined);
  }

  async #post(path: string, key: string, body: object | undefined): Promise<GatewayAnswer> {
    const caller = currentCall()?.signal;
    try {
      return await this.#breaker.execute(() => this.#ask(path, key, body, caller));
    } catch (error) {
      if (error instanceof BulkheadRejectedError) throw new GatewayUnavailable("too many requests are under way");
      if (error instanceof BrokenCircuitError)
        throw new GatewayUnavailable("it keeps failing and is left alone for a moment");
      throw error;
    }
  }

  /**
   * The request that tries a broken circuit again goes to its end without its caller and without waiting for a place: cockatiel
   * takes every error but GatewayUnavailable for a success then, and neither a caller that leaves nor a full house says that the
   * gateway is back.
   */
  async #ask(path: string, key: string, body: object | undefined, caller?: AbortSignal): Promise<GatewayAnswer> {
    const isTrial = this.#breaker.state === CircuitState.HalfOpen;
    const bounds = isTrial ? this.#inTime : this.#bounds;
    try {
      return await bounds.execute(({ signal }) => this.#request(path, key, body, signal), isTrial ? undefined : caller);
    } catch (error) {
      if (!isTrial && caller?.aborted) throw new CallerGone();
      if (error instanceof TaskCancelledError)
        throw new GatewayUnavailable(`no answer in ${this.#options.timeoutMs} ms`);
      throw error;
    }
  }

  async #request(path: string, key: string, body: object | undefined, signal: AbortSignal): Promise<GatewayAnswer> {
    const { status, text } = await this.#send(path, key, body === undefined ? "" : JSON.stringify(body), signal);
    if (status >= 500) throw new GatewayUnavailable(`it answered ${status}`);
    if (status === 409 || status === 404) return { status: "refused" };
    if (status !== 200) throw new Error(`The card gateway does not understand ${path}: ${status} ${text}`);
    return JSON.parse(text) as GatewayAnswer; // the gateway's documented answer
  }

  #send(path: string, key: string, body: string, signal: AbortSignal): Promise<{ status: number; text: string }> {
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "idempotency-key": key,
    };
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => reject(new GatewayUnavailable(error.message));
      const options = { method: "POST", agent: this.#agent, headers, signal };
      const sent = request(this.#options.url + path, options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
        response.on("error", fail);
      });
      sent.on("error", fail);
      sent.end(body);
    });
  }
}
