/** The card gateway, reached over HTTP behind a timeout, a bulkhead and a circuit breaker. */
import { currentCall } from "@row/runtime/call.ts";
import { DomainError } from "@row/runtime/errors.ts";
import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  circuitBreaker,
  handleType,
  SamplingBreaker,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from "cockatiel";
import type { Move } from "./payment.ts";

/** What the gateway says of a charge after a request. */
export interface GatewayAnswer {
  readonly status: "authorized" | "declined" | "captured" | "voided" | "refunded" | "refused";
  readonly declineCode?: string;
}

/** The gateway cannot be reached, is too slow, or fails: whether it did anything is not known. */
export class GatewayUnavailable extends DomainError {
  constructor(why: string) {
    super("unavailable", "GATEWAY_UNAVAILABLE", `Cannot reach the card gateway: ${why}`);
  }
}

export interface CardGatewayOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly concurrency: number;
}

/** Opens when most requests of five seconds fail; tries again after half a second. */
const BREAKER = {
  halfOpenAfter: 500,
  breaker: new SamplingBreaker({ threshold: 0.7, duration: 5_000, minimumRps: 5 }),
};

export class CardGateway {
  readonly #options: CardGatewayOptions;
  readonly #guard;

  constructor(options: CardGatewayOptions) {
    this.#options = options;
    this.#guard = wrap(
      bulkhead(options.concurrency, options.concurrency),
      circuitBreaker(handleType(GatewayUnavailable).orType(TaskCancelledError), BREAKER),
      timeout(options.timeoutMs, TimeoutStrategy.Aggressive),
    );
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
    try {
      return await this.#guard.execute(({ signal }) => this.#request(path, key, body, signal), currentCall()?.signal);
    } catch (error) {
      if (error instanceof TaskCancelledError)
        throw new GatewayUnavailable(`no answer in ${this.#options.timeoutMs} ms`);
      if (error instanceof BulkheadRejectedError) throw new GatewayUnavailable("too many requests are under way");
      if (error instanceof BrokenCircuitError)
        throw new GatewayUnavailable("it keeps failing and is left alone for a moment");
      throw error;
    }
  }

  async #request(path: string, key: string, body: object | undefined, signal: AbortSignal): Promise<GatewayAnswer> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(this.#options.url + path, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key },
        body: body && JSON.stringify(body),
        signal,
      });
      text = await response.text();
    } catch (error) {
      throw new GatewayUnavailable(error instanceof Error ? error.message : String(error));
    }
    if (response.status >= 500) throw new GatewayUnavailable(`it answered ${response.status}`);
    if (response.status === 409 || response.status === 404) return { status: "refused" };
    if (!response.ok) throw new Error(`The card gateway does not understand ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as GatewayAnswer; // the gateway's documented answer
  }
}
