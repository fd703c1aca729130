/** The only grpc.Server: health, reflection, and the services that are added to it. */

import type { Http2Server } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { endHalfSent } from "./half-sent.ts";
import { HandlerFactory, type HandlerSetup, type Handlers } from "./handler.ts";
import { Health } from "./health.ts";
import { prepareHttp2 } from "./http2-of-grpc.ts";
import { rightLibraryAnswers } from "./library-answers.ts";
import { listenAt, type Unlist } from "./listen.ts";
import { shortenedTimeout } from "./long-timeouts.ts";
import { CARRIED_KEYS, measureMetadata } from "./metadata-limit.ts";
import { addReflection } from "./reflection.ts";

/** A ts-proto service definition ("OrderServiceService"). */
export type ServiceDefinition = Readonly<
  Record<
    string,
    {
      readonly path: string;
      readonly requestStream: boolean;
      readonly responseStream: boolean;
      readonly requestSerialize: (value: never) => Buffer;
      readonly requestDeserialize: (bytes: Buffer) => unknown;
      readonly responseSerialize: (value: never) => Buffer;
      readonly responseDeserialize: (bytes: Buffer) => unknown;
    }
  >
>;

const HEALTH = "grpc.health.v1.Health";
/** How long answers may take from here to their callers. */
const LAST_WORDS_MS = 1_000;
const LOOK_EVERY_MS = 20;
/** How long a request may take to come whole. */
const REQUEST_MS = 60_000;
/** Few are needed, since each carries many calls; the rest of the file descriptors is for stores and callees. */
const MOST_CONNECTIONS = 1_000;

/** Shortens what calls ask for before grpc-js reads it. */
function shortenTimeouts(http2: Http2Server): void {
  http2.prependListener("stream", (_stream, headers) => {
    const timeout = headers["grpc-timeout"];
    if (typeof timeout === "string") headers["grpc-timeout"] = shortenedTimeout(timeout);
  });
}

/** A gRPC server that validates, authorizes, times and logs every call by its contract. */
export class GrpcServer {
  #unlist: Unlist | undefined;
  readonly #server = new Server({
    interceptors: [rightLibraryAnswers],
    // Nobody asks channelz, and its bookkeeping costs something with each call.
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": 1024 * 1024,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.max_connection_idle_ms": 300_000,
  });
  readonly #health = new Health();
  readonly #handlers: HandlerFactory;
  readonly #services: string[] = [];

  constructor(setup: HandlerSetup) {
    prepareHttp2(this.#server, { maxHeaderListPairs: CARRIED_KEYS }, (http2) => {
      shortenTimeouts(http2);
      measureMetadata(http2);
      endHalfSent(http2, setup.requestMs ?? REQUEST_MS);
      http2.maxConnections = MOST_CONNECTIONS;
    });
    this.#handlers = new HandlerFactory(setup);
  }

  /** Adds a service with a handler for each of its RPCs. */
  add<D extends ServiceDefinition>(definition: D, handlers: Handlers<D>): this {
    const implementation: UntypedServiceImplementation = {};
    const raw: Record<string, unknown> = {};
    for (const [name, method] of Object.entries(definition)) {
      const handle = handlers[name as keyof D]; // Handlers<D> has every key of D
      // The bytes are needed as they came: validation reads them too, and bad ones are the caller's fault, not ours.
      raw[name] = { ...method, requestDeserialize: (bytes: Buffer) => bytes };
      implementation[name] = method.responseStream
        ? this.#handlers.stream(method, handle as Parameters<HandlerFactory["stream"]>[1])
        : this.#handlers.unary(method, handle as Parameters<HandlerFactory["unary"]>[1]);
    }
    this.#server.addService(raw as Parameters<Server["addService"]>[0], implementation);
    const service = Object.values(definition)[0]?.path.split("/")[1];
    if (service) this.#services.push(service);
    return this;
  }

  /** Listens on "host:port" or "unix:/path"; resolves when calls are accepted. */
  async listen(address: string): Promise<void> {
    this.#health.addTo(this.#server);
    addReflection(this.#server, [...this.#services, HEALTH]);
    const bind = (at: string) =>
      new Promise<void>((resolve, reject) => {
        this.#server.bindAsync(at, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
      });
    this.#unlist = await listenAt(address, bind);
  }

  setServing(isServing: boolean): void {
    for (const service of ["", ...this.#services]) this.#health.setServing(service, isServing);
  }

  /** Calls that are being served now. */
  get inFlight(): number {
    return this.#handlers.inFlight;
  }

  /**
   * Refuses new calls, ends streams, lets calls in flight end within `ms` milliseconds, then cuts what is left. It does not wait
   * for connections on which nothing is being served any more, as of a stream whose reader does not read.
   */
  async drain(ms: number): Promise<void> {
    const end = performance.now() + ms;
    let isClosed = false;
    this.#server.tryShutdown(() => {
      isClosed = true;
    });
    this.#handlers.endStreams();
    this.#health.endWatches();
    let quietAt = performance.now() + LAST_WORDS_MS;
    while (!isClosed && performance.now() < Math.min(end, quietAt)) {
      await sleep(LOOK_EVERY_MS);
      if (this.inFlight > 0) quietAt = performance.now() + LAST_WORDS_MS;
    }
    this.#server.forceShutdown();
    await this.#unlist?.();
  }
}
