/** One call on its way through the server: admitted by its contract, timed, logged, and answered or refused. */
import { randomUUIDv7 } from "node:crypto";
import { Metadata, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import { type Call, type CallContext, type Codec, runInCall, type User } from "../call.ts";
import type { MethodContract } from "../contract.ts";
import { DomainError } from "../domain-error.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type CallSpan, endCallSpan, SpanKind, type Telemetry } from "../telemetry/telemetry.ts";
import { checkService, checkUser, serviceOf } from "./access.ts";
import { bearerToken, InvalidToken, type TokenVerifier } from "./auth.ts";
import { acceptBaggage } from "./baggage.ts";
import { CallDeadline } from "./call-deadline.ts";
import { INJECTED } from "./injected-labels.ts";
import { toAnswer } from "./status.ts";
import { validateBytes } from "./validate.ts";

/** What every call of a process shares. */
export interface ServerContext {
  readonly telemetry: Telemetry;
  readonly log: Logger;
  /** "orders/v1/orders-v1-1", sent as x-served-by. */
  readonly servedBy: string;
  readonly verifier: TokenVerifier | undefined;
}

/**
 * A call is given up so much earlier than its caller does. Both would otherwise give up at the same moment, and the caller would
 * learn nothing but that: this way the reason arrives, of this call and of those it made, whose deadlines come from this one.
 */
const LAST_WORDS_MS = 20;
/** Of what was injected along the way of a call. */
const MOST_LABELS = 16;
/** The share of its class's time that a call has when it took nothing but the way here. */
const WHOLE_TIME = 0.8;

/** An RPC's definition, which reads and writes its messages. */
export interface RpcDefinition extends Codec {
  readonly requestDeserialize: (bytes: Buffer) => unknown;
}

/** What unary and streaming calls share. */
type ServerCall = Pick<ServerUnaryCall<Buffer, unknown>, "metadata" | "request" | "getDeadline"> & {
  on(event: "cancelled", listener: () => void): unknown;
};

/** One call on its way through: what its handler and the calls it makes know of it, its clock and its end. */
export class InboundCall implements Call, CallContext {
  readonly method: MethodContract;
  readonly codec: RpcDefinition;
  readonly deadline: number;
  readonly correlationId: string;
  readonly baggage: string;
  readonly span: CallSpan;
  readonly authorization: string | undefined;
  readonly servedBy: string[] = [];
  service: string | undefined;
  user: User | undefined;
  readonly #setup: ServerContext;
  readonly #raw: ServerCall;
  readonly #startedAt = performance.now();
  readonly #callDeadline = new CallDeadline();
  /** What was injected here or further on; absent for nothing, which is nearly always. */
  #injected: Set<string> | undefined;
  /** Whether the caller gave clearly less time than the contract does. */
  readonly #isCutShort: boolean;

  constructor(setup: ServerContext, method: MethodContract, codec: RpcDefinition, raw: ServerCall) {
    this.method = method;
    this.codec = codec;
    this.#setup = setup;
    this.#raw = raw;
    const askedMs = Number(raw.getDeadline()) - Date.now() - LAST_WORDS_MS;
    this.deadline = this.#startedAt + Math.min(method.timeoutMs, askedMs);
    this.#isCutShort = askedMs < method.timeoutMs * WHOLE_TIME;
    this.correlationId = correlationId(header(raw.metadata, "x-correlation-id"));
    const { metadata } = raw;
    const [parent, state] = [header(metadata, "traceparent"), header(metadata, "tracestate")];
    this.span = setup.telemetry.startSpan(method.path, SpanKind.SERVER, parent, state);
    this.baggage = acceptBaggage((name) => header(metadata, name));
    this.authorization = header(raw.metadata, "authorization");
    const attempts = header(raw.metadata, "grpc-previous-rpc-attempts");
    if (attempts !== undefined) this.span.setAttribute("rpc.grpc.previous_attempts", Number(attempts));
    // grpc-js says so of every call in the end.
    raw.on("cancelled", () => this.#callDeadline.callerWent());
  }

  get signal(): AbortSignal {
    return this.#callDeadline.signal;
  }

  get isGivenUp(): boolean {
    return this.#callDeadline.isGivenUp;
  }

  get actor(): string {
    if (this.user) return `user:${this.user.id}`;
    return this.service ? `service:${this.service}` : "anonymous";
  }

  get producer(): string {
    return this.#setup.servedBy;
  }

  get log(): Logger {
    return this.#setup.log.child({ correlationId: this.correlationId, traceId: this.span.spanContext().traceId });
  }

  /** Decides whether the call may be served, and reads its request. */
  async admit(): Promise<unknown> {
    this.service = serviceOf(header(this.#raw.metadata, "l5d-client-id"));
    checkService(this.method, this.service);
    if (this.authorization !== undefined) this.user = await this.#signedInUser();
    checkUser(this.method, this.user, this.service);
    return this.codec.requestDeserialize(validateBytes(this.method.descriptor.input, this.#raw.request));
  }

  async #signedInUser(): Promise<User | undefined> {
    const { verifier } = this.#setup;
    if (!verifier) return undefined;
    try {
      const token = bearerToken(this.authorization);
      return token === undefined ? undefined : (verifier.recall(token) ?? (await verifier.verify(token)));
    } catch (error) {
      // Whoever may call without a token may call with a bad one: else an expired token could never be refreshed.
      if (this.method.access === Access.PUBLIC) return undefined;
      throw error;
    }
  }

  /** Does the work of the call, and gives up on it when the deadline passes or the caller goes away. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const result = await this.#callDeadline.race(runInCall(this, work), this.deadline);
    this.finish(status.OK, "");
    return result;
  }

  markInjected(label: string): void {
    this.#injected ??= new Set();
    if (this.#injected.size < MOST_LABELS) this.#injected.add(label);
  }

  giveUp(reason: DomainError): void {
    this.#callDeadline.giveUp(reason);
  }

  /**
   * Ends a stream when the end user's token does: it was let in for no longer. With UNAUTHENTICATED, which every client takes for
   * "get another token, then try again"; UNAVAILABLE would be tried again with the old one, in vain, and count as a fault of ours.
   */
  endWithToken(): void {
    const { verifier } = this.#setup;
    const token = this.user && bearerToken(this.authorization);
    if (!verifier || token === undefined) return;
    // Unknown only when keys were withdrawn this very moment: then it ends at once, and another token is needed.
    const expired = () => new InvalidToken("it has expired; resume the stream with another");
    this.#callDeadline.giveUpAfter(verifier.remainingMs(token), expired);
  }

  headers(): Metadata {
    const metadata = new Metadata();
    metadata.set("x-served-by", [this.#setup.servedBy, ...this.servedBy].join(", "));
    metadata.set("x-correlation-id", this.correlationId);
    if (this.#injected) metadata.set(INJECTED, [...this.#injected].join(", "));
    return metadata;
  }

  refusal(error: unknown) {
    const answer = toAnswer(this.#isCutShort ? onTheCallersClock(error) : error, this.correlationId);
    answer.status.metadata.merge(this.headers());
    if (answer.isBug)
      this.#setup.log.error({ ...this.#fields(), err: error }, "call failed for a reason nobody planned for");
    this.finish(answer.status.code, answer.reason);
    return answer.status;
  }

  finish(code: status, reason: string): void {
    this.#callDeadline.end();
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    this.#setup.telemetry.serverDuration.record(seconds, this.method.path, code);
    if (this.#injected) this.span.setAttribute("injected", [...this.#injected].join(", "));
    endCallSpan(this.span, code, reason);
    const log = this.#setup.log;
    if (log.isLevelEnabled("info")) {
      log.info(
        { ...this.#fields(), code: status[code], reason: reason || undefined, ms: Math.round(seconds * 1e5) / 100 },
        "call",
      );
    }
  }

  #fields() {
    return {
      rpc: this.method.path,
      from: this.service,
      userId: this.user?.id,
      correlationId: this.correlationId,
      traceId: this.span.spanContext().traceId,
      injected: this.#injected && [...this.#injected],
    };
  }
}

function header(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return value === undefined ? undefined : String(value);
}

/** Takes the caller's correlation id when it is harmless in logs, else makes one. */
function correlationId(given: string | undefined): string {
  return given !== undefined && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUIDv7();
}

/** A caller that gave too little time says nothing about this process. */
function onTheCallersClock(error: unknown): unknown {
  if (!(error instanceof DomainError) || error.kind !== "too-late") return error;
  const { reason, message, facts } = error;
  return new DomainError("cut-short", reason, message, { facts });
}
