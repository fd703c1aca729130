/** One request on its way through the edge: who asks, until when, and what the answer must say besides. */
import { randomUUIDv7 } from "node:crypto";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Metadata } from "@grpc/grpc-js";
import { SpanKind } from "@opentelemetry/api";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import type { User } from "@row/runtime/call.ts";
import type { MethodContract } from "@row/runtime/contract.ts";
import { checkUser } from "@row/runtime/rpc/access.ts";
import { bearerToken, type TokenVerifier } from "@row/runtime/rpc/auth.ts";
import { acceptBaggage } from "@row/runtime/rpc/baggage.ts";
import { INJECTED } from "@row/runtime/rpc/injected-labels.ts";
import type { Logger } from "@row/runtime/telemetry/logger.ts";
import { type CallSpan, contextOf, type Telemetry } from "@row/runtime/telemetry/telemetry.ts";

/** The attribute of a request's span that names its caller's trace; `row trace` finds it by that, too. */
const CALLER_TRACE = "caller.trace.id";

/** What every request of the process shares. */
export interface ServerContext {
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** "edge/v1/edge-v1-1". */
  readonly servedBy: string;
  readonly verifier: TokenVerifier;
}

/** Where a request comes from. */
export interface Client {
  /** The address, as far as whoever forwards the request is believed. */
  readonly ip: string;
}

export class InboundCall {
  readonly correlationId: string;
  /** What travels on to every further hop. */
  readonly baggage: string;
  /**
   * The request's span, in a trace of the edge's own: a stranger decides neither on a trace's id, under which any number of requests
   * would be one, nor on what is recorded. W3C Trace Context, section 3.4, calls that to restart a trace, as front gates do.
   */
  readonly span: CallSpan;
  /** The caller's, which travels on although the trace is another: who wrote an entry finds it wherever the shop calls. */
  readonly tracestate: string;
  /** Who answers, the edge first, comma-separated. */
  servedBy: string;
  /** What was injected into who answered, comma-separated; undefined for nothing. */
  injected: string | undefined;
  user: User | undefined;
  /** Passed on to services, once it is known to be good. */
  authorization: string | undefined;
  /** Whether the request came with credentials that count, good or bad. */
  sentToken = false;
  readonly #serverContext: ServerContext;
  readonly #name: string;
  readonly #client: Client;
  readonly #startedAt = performance.now();

  /** `name` is what is asked for, never with ids in it: a route or an RPC. */
  constructor(
    serverContext: ServerContext,
    name: string,
    headerOf: (name: string) => string | null | undefined,
    client: Client,
  ) {
    this.#serverContext = serverContext;
    this.#name = name;
    this.#client = client;
    this.servedBy = serverContext.servedBy;
    this.correlationId = acceptCorrelationId(headerOf("x-correlation-id"));
    this.baggage = acceptBaggage(headerOf);
    const caller = contextOf(headerOf("traceparent") ?? undefined, headerOf("tracestate") ?? undefined);
    this.span = serverContext.telemetry.startTrace(name, SpanKind.SERVER, caller);
    this.tracestate = caller?.traceState?.serialize() ?? "";
    if (caller) this.span.setAttribute(CALLER_TRACE, caller.traceId);
  }

  /** Whose Idempotency-Key it is: two strangers who use the same one mean two requests. */
  get caller(): string {
    return this.user?.id ?? this.#client.ip;
  }

  /**
   * Finds out who asks and whether they may. A bad token is refused even where none is needed, because its owner
   * believes to be signed in; only where one comes by a token or gives it up, it counts as none.
   * Answers undefined when that took no waiting.
   */
  admit(contract: MethodContract, authorization: string | undefined): Promise<void> | undefined {
    const mayBeBad = takesBadTokens(contract);
    this.sentToken = authorization !== undefined && !mayBeBad;
    const token = tokenOf(authorization, mayBeBad);
    const known = token === undefined ? undefined : this.#serverContext.verifier.recall(token);
    if (token !== undefined && !known) return this.#verify(contract, token, mayBeBad);
    this.#is(known, token);
    checkUser(contract, known, undefined);
    return undefined;
  }

  async #verify(contract: MethodContract, token: string, mayBeBad: boolean): Promise<void> {
    try {
      this.#is(await this.#serverContext.verifier.verify(token), token);
    } catch (error) {
      if (!mayBeBad) throw error;
    }
    checkUser(contract, this.user, undefined);
  }

  #is(user: User | undefined, token: string | undefined): void {
    this.user = user;
    if (user) this.authorization = `Bearer ${token}`;
  }

  /** Notes who answered the call that this request became. */
  answeredBy(answer: Pick<Metadata, "get">): void {
    const [servedBy] = answer.get("x-served-by");
    if (servedBy !== undefined) this.servedBy = `${this.#serverContext.servedBy}, ${servedBy}`;
    const [injected] = answer.get(INJECTED);
    if (injected !== undefined) this.injected = String(injected);
  }

  /** What every answer says of itself, in whatever protocol. */
  get answerHeaders(): Record<string, string> {
    const { correlationId, servedBy, injected } = this;
    return { "x-correlation-id": correlationId, "x-served-by": servedBy, ...(injected && { [INJECTED]: injected }) };
  }

  /** Ends the span and writes the log line. */
  finish(status: number, bug?: unknown): void {
    const { log, telemetry } = this.#serverContext;
    const ms = performance.now() - this.#startedAt;
    telemetry.requestDuration.record(ms / 1_000, this.#name, status);
    this.span.setAttribute("http.response.status_code", status);
    if (this.injected) this.span.setAttribute("injected", this.injected);
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
      injected: this.injected,
    };
  }
}

/** A public call that is no read opens, renews or ends a session: an expired token could else never be refreshed. */
function takesBadTokens({ access, descriptor }: MethodContract): boolean {
  return access === Access.PUBLIC && descriptor.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

function tokenOf(authorization: string | undefined, mayBeBad: boolean): string | undefined {
  try {
    return bearerToken(authorization);
  } catch (error) {
    if (mayBeBad) return undefined;
    throw error;
  }
}

const CORRELATION_ID = /^[\w.:-]{1,128}$/;

/** Takes the caller's correlation id when it is harmless in logs, else makes one. */
export function acceptCorrelationId(given: unknown): string {
  return typeof given === "string" && CORRELATION_ID.test(given) ? given : randomUUIDv7();
}
