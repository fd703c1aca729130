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
import { type CallSpan, endCallSpan, SpanKind, type Telemetry } from "./telemetry.ts";
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
        return handle(request as never, serving); // typed by Handlers<D> where it was added
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
        raw.sendMetadata(serving.headers());
        for await (const response of handle(request as never, serving)) {
          if (serving.signal.aborted) return;
          if (!raw.write(response)) await drained(raw, serving.signal);
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
      const result = await serving.race(runInCall(serving, work));
      serving.finish(status.OK, "");
      return result;
    } finally {
      this.#inFlight -= 1;
    }
  }
}

/** One call on its way through: what its handler and the calls it makes know of it, its clock and its end. */
class Serving implements Call, CallContext {
  readonly method: MethodContract;
  readonly deadline: number;
  readonly correlationId: string;
  readonly span: CallSpan;
  readonly authorization: string | undefined;
  readonly servedBy: string[] = [];
  service: string | undefined;
  user: User | undefined;
  readonly #setup: HandlerSetup;
  readonly #raw: ServerCall;
  readonly #startedAt = performance.now();
  readonly #patience = new Patience();

  constructor(setup: HandlerSetup, method: MethodContract, raw: ServerCall) {
    this.method = method;
    this.#setup = setup;
    this.#raw = raw;
    const asked = raw.getDeadline();
    this.deadline = Math.min(Date.now() + method.timeoutMs, asked instanceof Date ? asked.getTime() : asked);
    this.correlationId = correlationId(header(raw.metadata, "x-correlation-id"));
    this.span = setup.telemetry.startSpan(method.path, SpanKind.SERVER, header(raw.metadata, "traceparent"));
    this.authorization = header(raw.metadata, "authorization");
    // grpc-js says so of every call in the end.
    const attempts = header(raw.metadata, "grpc-previous-rpc-attempts");
    if (attempts !== undefined) this.span.setAttribute("rpc.grpc.previous_attempts", Number(attempts));
    raw.on("cancelled", () => this.#patience.callerWent());
  }

  get signal(): AbortSignal {
    return this.#patience.signal;
  }

  get log(): Logger {
    return this.#setup.log.child({ correlationId: this.correlationId, traceId: this.span.spanContext().traceId });
  }

  /** Decides whether the call may be served, and reads its request. */
  async admit(definition: MethodDefinition): Promise<unknown> {
    this.service = serviceOf(header(this.#raw.metadata, "l5d-client-id"));
    checkService(this.method, this.service);
    if (this.authorization !== undefined) this.user = await this.#signedInUser();
    checkUser(this.method, this.user, this.service);
    validateBytes(this.method.descriptor.input, this.#raw.request);
    return definition.requestDeserialize(this.#raw.request);
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

  /** Gives up on the work when the deadline passes or the caller goes away. */
  race<T>(work: Promise<T>): Promise<T> {
    return this.#patience.race(work, this.deadline);
  }

  headers(): Metadata {
    const metadata = new Metadata();
    metadata.set("x-served-by", [this.#setup.servedBy, ...this.servedBy].join(", "));
    metadata.set("x-correlation-id", this.correlationId);
    return metadata;
  }

  refusal(error: unknown) {
    const answer = toAnswer(error, this.correlationId);
    answer.status.metadata.merge(this.headers());
    if (answer.isBug)
      this.#setup.log.error({ ...this.#fields(), err: error }, "call failed for a reason nobody planned for");
    this.finish(answer.status.code, answer.reason);
    return answer.status;
  }

  finish(code: status, reason: string): void {
    this.#patience.end();
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    this.#setup.telemetry.serverDuration.record(seconds, this.method.path, code);
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
