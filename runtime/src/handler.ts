/** Turns `async (request, call) => response` into grpc-js handlers, once for all services. */
import { randomUUIDv7 } from "node:crypto";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import { Access } from "@row/gen/es/shop/options/v1/method_pb.ts";
import { checkService, checkUser, serviceOf } from "./access.ts";
import { bearerToken, type TokenVerifier } from "./auth.ts";
import { type Call, type CallContext, runInCall, type User } from "./call.ts";
import { type MethodContract, methodAt } from "./contract.ts";
import { DomainError, toAnswer } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { Patience } from "./patience.ts";
import { endCallSpan, SpanKind, type Telemetry } from "./telemetry.ts";
import { validateBytes } from "./validate.ts";

/** One RPC of a ts-proto service definition. */
interface MethodDefinition {
  readonly path: string;
  readonly responseStream: boolean;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
}

type RequestOf<M> = M extends { requestDeserialize: (bytes: Buffer) => infer Q } ? Q : never;
type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer R } ? R : never;

/** The handlers of a service: every RPC of its ts-proto definition, streams as async generators. */
export type Handlers<D> = {
  readonly [K in keyof D]: D[K] extends { responseStream: true }
    ? (request: RequestOf<D[K]>, call: Call) => AsyncIterable<ResponseOf<D[K]>>
    : (request: RequestOf<D[K]>, call: Call) => Promise<ResponseOf<D[K]>>;
};

/** What every handler of a process shares. */
export interface HandlerSetup {
  readonly telemetry: Telemetry;
  readonly log: Logger;
  /** "orders/v1/orders-v1-1", sent as x-served-by. */
  readonly servedBy: string;
  readonly verifier: TokenVerifier | undefined;
  /** Most calls served at once; beyond it RESOURCE_EXHAUSTED is answered at once. */
  readonly maxConcurrent: number;
}

/** What unary and streaming calls share. */
type ServerCall = Pick<ServerUnaryCall<Buffer, unknown>, "metadata" | "request" | "getDeadline"> & {
  on(event: "cancelled", listener: () => void): unknown;
};

/** Serves the RPCs of a process and counts those in flight. */
export class HandlerFactory {
  readonly #setup: HandlerSetup;
  #inFlight = 0;

  constructor(setup: HandlerSetup) {
    this.#setup = setup;
  }

  /** Calls that are being served now. */
  get inFlight(): number {
    return this.#inFlight;
  }

  unary(
    definition: MethodDefinition,
    handle: (request: never, call: Call) => Promise<unknown>,
  ): handleUnaryCall<Buffer, unknown> {
    const method = methodAt(definition.path);
    return (raw, callback) => {
      const serving = new Serving(this.#setup, method, raw);
      this.#run(serving, async () => {
        const request = await serving.admit(definition);
        return handle(request as never, serving.call()); // typed by Handlers<D> where it was added
      }).then(
        (response) => {
          raw.sendMetadata(serving.headers());
          callback(null, response);
        },
        (error: unknown) => callback(serving.refusal(error)),
      );
    };
  }

  stream(
    definition: MethodDefinition,
    handle: (request: never, call: Call) => AsyncIterable<unknown>,
  ): handleServerStreamingCall<Buffer, unknown> {
    const method = methodAt(definition.path);
    return (raw) => {
      const serving = new Serving(this.#setup, method, raw);
      this.#run(serving, async () => {
        const request = await serving.admit(definition);
        const call = serving.call();
        raw.sendMetadata(serving.headers());
        for await (const response of handle(request as never, call)) {
          if (call.signal.aborted) return;
          if (!raw.write(response)) await drained(raw, call.signal);
        }
      }).then(
        () => raw.end(),
        (error: unknown) => raw.emit("error", serving.refusal(error)),
      );
    };
  }

  async #run<T>(serving: Serving, work: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      if (this.#inFlight > this.#setup.maxConcurrent) {
        throw new DomainError("exhausted", "TOO_MANY_CALLS", "Cannot take another call now: try again in a moment");
      }
      const result = await serving.race(runInCall(serving.context, work));
      serving.finish(status.OK, "");
      return result;
    } finally {
      this.#inFlight -= 1;
    }
  }
}

/** One call on its way through: its context, clock, span and end. */
class Serving {
  readonly context: CallContext;
  readonly #setup: HandlerSetup;
  readonly #method: MethodContract;
  readonly #raw: ServerCall;
  readonly #startedAt = performance.now();
  readonly #patience = new Patience();
  #user: User | undefined;
  #service: string | undefined;

  constructor(setup: HandlerSetup, method: MethodContract, raw: ServerCall) {
    this.#setup = setup;
    this.#method = method;
    this.#raw = raw;
    const asked = raw.getDeadline();
    const deadline = Math.min(Date.now() + method.timeoutMs, asked instanceof Date ? asked.getTime() : asked);
    const patience = this.#patience;
    this.context = {
      deadline,
      get signal() {
        return patience.signal;
      },
      correlationId: correlationId(header(raw.metadata, "x-correlation-id")),
      span: setup.telemetry.startSpan(method.path, SpanKind.SERVER, header(raw.metadata, "traceparent")),
      authorization: header(raw.metadata, "authorization"),
      servedBy: [],
    };
    // grpc-js says so of every call in the end.
    const attempts = header(raw.metadata, "grpc-previous-rpc-attempts");
    if (attempts !== undefined) this.context.span?.setAttribute("rpc.grpc.previous_attempts", Number(attempts));
    raw.on("cancelled", () => patience.callerWent());
  }

  /** Decides whether the call may be served, and reads its request. */
  async admit(definition: MethodDefinition): Promise<unknown> {
    this.#service = serviceOf(header(this.#raw.metadata, "l5d-client-id"));
    checkService(this.#method, this.#service);
    if (this.context.authorization !== undefined) this.#user = await this.#signedInUser();
    checkUser(this.#method, this.#user, this.#service);
    validateBytes(this.#method.descriptor.input, this.#raw.request);
    return definition.requestDeserialize(this.#raw.request);
  }

  async #signedInUser(): Promise<User | undefined> {
    const { verifier } = this.#setup;
    if (!verifier) return undefined;
    try {
      const token = bearerToken(this.context.authorization);
      return token === undefined ? undefined : (verifier.recall(token) ?? (await verifier.verify(token)));
    } catch (error) {
      // Whoever may call without a token may call with a bad one: else an expired token could never be refreshed.
      if (this.#method.access === Access.PUBLIC) return undefined;
      throw error;
    }
  }

  call(): Call {
    const { deadline, correlationId, span } = this.context;
    const setup = this.#setup;
    const patience = this.#patience;
    return {
      method: this.#method,
      service: this.#service,
      user: this.#user,
      deadline,
      get signal() {
        return patience.signal;
      },
      correlationId,
      span: span as NonNullable<typeof span>, // a server call always has one
      get log() {
        return setup.log.child({ correlationId, traceId: span?.spanContext().traceId });
      },
    };
  }

  /** Gives up on the work when the deadline passes or the caller goes away. */
  race<T>(work: Promise<T>): Promise<T> {
    return this.#patience.race(work, this.context.deadline);
  }

  headers(): Metadata {
    const metadata = new Metadata();
    metadata.set("x-served-by", [this.#setup.servedBy, ...this.context.servedBy].join(", "));
    metadata.set("x-correlation-id", this.context.correlationId);
    return metadata;
  }

  refusal(error: unknown) {
    const answer = toAnswer(error, this.context.correlationId);
    answer.status.metadata.merge(this.headers());
    if (answer.isBug)
      this.#setup.log.error({ ...this.#fields(), err: error }, "call failed for a reason nobody planned for");
    this.finish(answer.status.code, answer.reason);
    return answer.status;
  }

  finish(code: status, reason: string): void {
    this.#patience.end();
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const { span } = this.context;
    this.#setup.telemetry.serverDuration.record(seconds, this.#method.path, code);
    if (span) endCallSpan(span, code, reason);
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
      rpc: this.#method.path,
      from: this.#service,
      userId: this.#user?.id,
      correlationId: this.context.correlationId,
      traceId: this.context.span?.spanContext().traceId,
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

function drained(raw: ServerWritableStream<Buffer, unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    raw.once("drain", resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
