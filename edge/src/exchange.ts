/** One request on its way through the edge: who asks, until when, and what the answer must say besides. */
import { randomUUIDv7 } from "node:crypto";
import { SpanKind } from "@opentelemetry/api";
import { checkUser } from "@row/runtime/access.ts";
import { bearerToken, type TokenVerifier } from "@row/runtime/auth.ts";
import type { User } from "@row/runtime/call.ts";
import type { MethodContract } from "@row/runtime/contract.ts";
import type { Logger } from "@row/runtime/logger.ts";
import type { CallSpan, Telemetry } from "@row/runtime/telemetry.ts";

/** What every request of the process shares. */
export interface Surroundings {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** "edge/v1/edge-v1-1". */
  readonly servedBy: string;
  readonly verifier: TokenVerifier;
}

/** The headers the edge looks at, as Node gives them. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

export class Exchange {
  readonly correlationId: string;
  readonly span: CallSpan;
  /** Who answers, the edge first, comma-separated. */
  servedBy: string;
  user: User | undefined;
  /** Passed on to services, once it is known to be good. */
  authorization: string | undefined;
  /** Whether the request came with credentials, good or bad. */
  sentToken = false;
  readonly #surroundings: Surroundings;
  readonly #name: string;
  readonly #startedAt = performance.now();

  /** `name` is what is asked for, never with ids in it: a route or an RPC. */
  constructor(surroundings: Surroundings, name: string, headers: { correlationId: unknown; traceparent: unknown }) {
    this.#surroundings = surroundings;
    this.#name = name;
    this.servedBy = surroundings.servedBy;
    this.correlationId = acceptCorrelationId(headers.correlationId);
    const parent = typeof headers.traceparent === "string" ? headers.traceparent : undefined;
    this.span = surroundings.telemetry.startSpan(name, SpanKind.SERVER, parent);
  }

  /**
   * Finds out who asks and whether they may. A bad token is refused even where none is needed, because its owner
   * believes to be signed in. Answers undefined when that took no waiting.
   */
  admit(contract: MethodContract, authorization: string | undefined): Promise<void> | undefined {
    this.sentToken = authorization !== undefined;
    const token = bearerToken(authorization);
    if (token === undefined) {
      checkUser(contract, undefined, undefined);
      return undefined;
    }
    this.authorization = `Bearer ${token}`;
    const known = this.#surroundings.verifier.recall(token);
    if (!known) return this.#verify(contract, token);
    this.user = known;
    checkUser(contract, known, undefined);
    return undefined;
  }

  async #verify(contract: MethodContract, token: string): Promise<void> {
    this.user = await this.#surroundings.verifier.verify(token);
    checkUser(contract, this.user, undefined);
  }

  /** Notes who answered the call that this request became. */
  answeredBy(servedBy: string | Buffer | undefined): void {
    if (servedBy !== undefined) this.servedBy = `${this.#surroundings.servedBy}, ${servedBy}`;
  }

  /** Ends the span and writes the log line. */
  finish(status: number, bug?: unknown): void {
    const { log, telemetry } = this.#surroundings;
    const ms = performance.now() - this.#startedAt;
    telemetry.requestDuration.record(ms / 1_000, this.#name, status);
    this.span.setAttribute("http.response.status_code", status);
    this.span.end();
    if (bug !== undefined) log.error({ ...this.#fields(), err: bug }, "request failed for a reason nobody planned for");
    if (log.isLevelEnabled("info")) {
      log.info({ ...this.#fields(), status, ms: Math.round(ms * 100) / 100 }, "request");
    }
  }

  #fields() {
    return {
      request: this.#name,
      userId: this.user?.id,
      correlationId: this.correlationId,
      traceId: this.span.spanContext().traceId,
    };
  }
}

const CORRELATION_ID = /^[\w.:-]{1,128}$/;

/** Takes the caller's correlation id when it is harmless in logs, else makes one. */
export function acceptCorrelationId(given: unknown): string {
  return typeof given === "string" && CORRELATION_ID.test(given) ? given : randomUUIDv7();
}
