/** Turns `async (request, call) => response` into grpc-js handlers, once for all services. */
import { type handleServerStreamingCall, type handleUnaryCall, type ServerWritableStream, status } from "@grpc/grpc-js";
import { injection } from "../behaviour/injection.ts";
import type { Call } from "../call.ts";
import { methodAt } from "../contract.ts";
import type { IdempotentHandler } from "../database/idempotency.ts";
import { DomainError } from "../domain-error.ts";
import { InboundCall, type RpcDefinition, type ServerContext } from "./inbound-call.ts";
import { StreamLimits, type StreamPermit } from "./stream-limits.ts";

/** One RPC of a ts-proto service definition. */
interface MethodDefinition extends RpcDefinition {
  readonly path: string;
  readonly responseStream: boolean;
}

type RequestOf<M> = M extends { requestDeserialize: (bytes: Buffer) => infer Q } ? Q : never;
type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer R } ? R : never;

/**
 * The handlers of a service: every RPC of its ts-proto definition, streams as async generators. Where a request has a request_id,
 * only an idempotent handler will do.
 */
export type Handlers<D> = {
  readonly [K in keyof D]: D[K] extends { responseStream: true }
    ? (request: RequestOf<D[K]>, call: Call) => AsyncIterable<ResponseOf<D[K]>>
    : RequestOf<D[K]> extends { requestId: string }
      ? IdempotentHandler<RequestOf<D[K]>, ResponseOf<D[K]>>
      : (request: RequestOf<D[K]>, call: Call) => Promise<ResponseOf<D[K]>>;
};

/** What every handler of a process shares. */
export interface HandlerSetup extends ServerContext {
  /** Most unary calls served at once; beyond it RESOURCE_EXHAUSTED is answered at once. */
  readonly maxConcurrent: number;
  /** The same of streams; 1,000 unless told. */
  readonly maxStreams?: number;
  /** Most streams of one end user, who could otherwise have all; 20 unless told. */
  readonly maxStreamsPerUser?: number;
  /** Most milliseconds that a request may take to come whole; a minute unless told. */
  readonly requestMs?: number;
}

/** How long a stream's reader may leave what was written for it. */
const READ_WITHIN_MS = 60_000;

/** Serves the RPCs of a process and counts those in flight. */
export class HandlerFactory {
  readonly #setup: HandlerSetup;
  readonly #streamLimits: StreamLimits;
  readonly #streams = new Set<InboundCall>();
  #calls = 0;

  constructor(setup: HandlerSetup) {
    this.#setup = setup;
    const { maxStreams = 1_000, maxStreamsPerUser = 20 } = setup;
    this.#streamLimits = new StreamLimits({ total: maxStreams, perUser: maxStreamsPerUser });
  }

  /** Calls and streams that are being served now. */
  get inFlight(): number {
    return this.#calls + this.#streams.size;
  }

  /** Ends the streams: their readers go on elsewhere. */
  endStreams(): void {
    for (const inbound of this.#streams) {
      inbound.giveUp(
        new DomainError("unavailable", "STOPPING", "Cannot go on with this stream here: the process stops; resume it"),
      );
    }
  }

  unary(
    definition: MethodDefinition,
    handle: (request: never, call: Call) => Promise<unknown>,
  ): handleUnaryCall<Buffer, unknown> {
    const method = methodAt(definition.path);
    return (raw, callback) => {
      const inbound = new InboundCall(this.#setup, method, definition, raw);
      this.#call(inbound, async () => {
        const request = await inbound.admit();
        if (injection.active) await injection.active.beforeCall(inbound);
        return handle(request as never, inbound); // typed by Handlers<D> where it was added
      }).then(
        (response) => {
          raw.sendMetadata(inbound.headers());
          callback(null, response);
        },
        (error: unknown) => callback(inbound.refusal(error)),
      );
    };
  }

  stream(
    definition: MethodDefinition,
    handle: (request: never, call: Call) => AsyncIterable<unknown>,
  ): handleServerStreamingCall<Buffer, unknown> {
    const method = methodAt(definition.path);
    return (raw) => {
      const inbound = new InboundCall(this.#setup, method, definition, raw);
      this.#stream(inbound, raw, async (permit) => {
        const request = await inbound.admit();
        if (injection.active) await injection.active.beforeCall(inbound);
        if (inbound.isGivenUp) return; // its reader went away meanwhile
        if (inbound.user) permit.takeFor(inbound.user.id);
        inbound.endWithToken();
        raw.sendMetadata(inbound.headers());
        for await (const response of handle(request as never, inbound)) {
          if (inbound.signal.aborted) return;
          if (!raw.write(response)) await drained(raw, inbound.signal);
        }
      }).then(
        () => raw.end(),
        (error: unknown) => {
          // That its reader goes away is how most streams end, and no failure; whatever else went wrong is one.
          if (raw.cancelled && isCallerGone(error)) return inbound.finish(status.OK, "");
          const refusal = inbound.refusal(error);
          if (!raw.cancelled) raw.emit("error", refusal);
        },
      );
    };
  }

  async #call<T>(inbound: InboundCall, work: () => Promise<T>): Promise<T> {
    if (this.#calls >= this.#setup.maxConcurrent) {
      throw new DomainError("exhausted", "TOO_MANY_CALLS", "Cannot take another call now: try again in a moment");
    }
    this.#calls += 1;
    try {
      return await inbound.run(work);
    } finally {
      this.#calls -= 1;
    }
  }

  async #stream(
    inbound: InboundCall,
    raw: ServerWritableStream<Buffer, unknown>,
    work: (permit: StreamPermit) => Promise<void>,
  ): Promise<void> {
    const permit = this.#streamLimits.take();
    // grpc-js says so of every stream in the end, and then only: one that nobody reads takes memory when its handler has ended.
    raw.once("cancelled", permit.leave);
    this.#streams.add(inbound);
    try {
      await inbound.run(() => work(permit));
    } finally {
      this.#streams.delete(inbound);
    }
  }
}

function isCallerGone(error: unknown): boolean {
  return error instanceof DomainError && error.kind === "caller-gone";
}

/** Resolves when the reader has caught up, or the stream is given up. Rejects when nobody reads. */
function drained(raw: ServerWritableStream<Buffer, unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (nobodyReads?: DomainError) => {
      clearTimeout(timer);
      raw.off("drain", goOn);
      signal.removeEventListener("abort", goOn);
      if (nobodyReads) reject(nobodyReads);
      else resolve();
    };
    const goOn = () => settle();
    const timer = setTimeout(
      () => settle(new DomainError("caller-gone", "CALLER_GONE", "Cannot go on with this stream: nobody reads it")),
      READ_WITHIN_MS,
    );
    raw.once("drain", goOn);
    signal.addEventListener("abort", goOn, { once: true });
  });
}
