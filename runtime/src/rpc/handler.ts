/** Turns `async (request, call) => response` into grpc-js handlers, once for all services. */
import { type handleServerStreamingCall, type handleUnaryCall, type ServerWritableStream, status } from "@grpc/grpc-js";
import type { Call } from "../call.ts";
import { methodAt } from "../contract.ts";
import { DomainError } from "../domain-error.ts";
import { Serving, type ServingSetup } from "./inbound-call.ts";
import { type StreamPlace, StreamPlaces } from "./stream-limits.ts";

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
export interface HandlerSetup extends ServingSetup {
  /** Most unary calls served at once; beyond it RESOURCE_EXHAUSTED is answered at once. */
  readonly maxConcurrent: number;
  /** The same of streams; 1,000 unless told. */
  readonly maxStreams?: number;
  /** Most streams of one end user, who could otherwise have all; 20 unless told. */
  readonly maxStreamsPerUser?: number;
}

/** How long a stream's reader may leave what was written for it. */
const READ_WITHIN_MS = 60_000;

/** Serves the RPCs of a process and counts those in flight. */
export class HandlerFactory {
  readonly #setup: HandlerSetup;
  readonly #places: StreamPlaces;
  readonly #streams = new Set<Serving>();
  #calls = 0;

  constructor(setup: HandlerSetup) {
    this.#setup = setup;
    const { maxStreams = 1_000, maxStreamsPerUser = 20 } = setup;
    this.#places = new StreamPlaces({ total: maxStreams, perUser: maxStreamsPerUser });
  }

  /** Calls and streams that are being served now. */
  get inFlight(): number {
    return this.#calls + this.#streams.size;
  }

  /** Ends the streams: their readers go on elsewhere. */
  endStreams(): void {
    for (const serving of this.#streams) {
      serving.giveUp(
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
      const serving = new Serving(this.#setup, method, raw);
      this.#call(serving, async () => {
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
      this.#stream(serving, raw, async (place) => {
        const request = await serving.admit(definition);
        if (serving.isGivenUp) return; // its reader went away meanwhile
        if (serving.user) place.takeFor(serving.user.id);
        serving.endWithToken();
        raw.sendMetadata(serving.headers());
        for await (const response of handle(request as never, serving)) {
          if (serving.signal.aborted) return;
          if (!raw.write(response)) await drained(raw, serving.signal);
        }
      }).then(
        () => raw.end(),
        (error: unknown) => {
          // That its reader goes away is how most streams end, and no failure; whatever else went wrong is one.
          if (raw.cancelled && isCallerGone(error)) return serving.finish(status.OK, "");
          const refusal = serving.refusal(error);
          if (!raw.cancelled) raw.emit("error", refusal);
        },
      );
    };
  }

  async #call<T>(serving: Serving, work: () => Promise<T>): Promise<T> {
    if (this.#calls >= this.#setup.maxConcurrent) {
      throw new DomainError("exhausted", "TOO_MANY_CALLS", "Cannot take another call now: try again in a moment");
    }
    this.#calls += 1;
    try {
      return await serving.run(work);
    } finally {
      this.#calls -= 1;
    }
  }

  async #stream(
    serving: Serving,
    raw: ServerWritableStream<Buffer, unknown>,
    work: (place: StreamPlace) => Promise<void>,
  ): Promise<void> {
    const place = this.#places.take();
    // grpc-js says so of every stream in the end, and then only: one that nobody reads takes memory when its handler has ended.
    raw.once("cancelled", place.leave);
    this.#streams.add(serving);
    try {
      await serving.run(() => work(place));
    } finally {
      this.#streams.delete(serving);
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
