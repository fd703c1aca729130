/** The edge put together: backends, routes and both servers. */
import { setTimeout as sleep } from "node:timers/promises";
import type { MethodContract } from "@row/runtime/contract.ts";
import { listenAt, type Unlist } from "@row/runtime/rpc/listen.ts";
import type { ServiceConfigFile } from "@row/runtime/rpc/retry-config.ts";
import type { FastifyInstance } from "fastify";
import { Backend } from "./backend.ts";
import { GrpcServer } from "./connect/grpc-server.ts";
import { GrpcTransport } from "./connect/transport.ts";
import { servedBy } from "./contract.ts";
import { limitConnections, limitHttp1, MAX_CONNECTIONS } from "./http/connection-limits.ts";
import { createHttpServer } from "./http/server.ts";
import { Traffic } from "./http/traffic.ts";
import type { ServerContext } from "./inbound-call.ts";
import { openApiDocument } from "./openapi/document.ts";
import { type Binding, bindingsOf } from "./rest/binding.ts";
import { RestHandler } from "./rest/handler.ts";

export interface EdgeOptions {
  readonly serverContext: ServerContext;
  /** Where each service is, by its name; one that is missing is not served. */
  readonly services: ReadonlyMap<string, string>;
  /** Whether to state the edge's identity to services, for want of a sidecar. */
  readonly claimsIdentity: boolean;
  /** Which calls to services are tried again; without it none. */
  readonly serviceConfig?: ServiceConfigFile;
  /** Whether HTTP comes from the edge's own sidecar, which alone says who the client is (X-Forwarded-For). */
  readonly isBehindSidecar?: boolean;
  readonly corsOrigins: readonly string[];
  /** How long a stream may be silent, in milliseconds. */
  readonly heartbeatMs?: number;
  /** How long the reader of a stream may take nothing, in milliseconds. */
  readonly stalledMs?: number;
  /** How long a connection may stay without use, in milliseconds: idle, half-sent or unread. */
  readonly unusedMs?: number;
  /** How long nothing may have come on open connections before the edge ends, when it is to stop, in milliseconds. */
  readonly quietMs?: number;
  /** How many connections there may be at once. */
  readonly maxConnections?: number;
  /** Routes that the contracts do not have. */
  readonly moreBindings?: readonly Binding[];
}

const HEARTBEAT_MS = 15_000;
const STALLED_MS = 60_000;
const UNUSED_MS = 60_000;
/** Clients with many connections use each of them seldom, and are told only with an answer that it is the last. */
const QUIET_MS = 2_000;
/** A sidecar notices at once that a connection ends, and asks again on another. */
const QUIET_SIDECAR_MS = 300;
/** Kept back of the time for a stop, for what is answered at its end. */
const CLOSE_MS = 500;
const LOOK_MS = 20;

export class Edge {
  readonly #stopping: AbortController;
  readonly #backends: readonly Backend[];
  readonly #http: FastifyInstance;
  readonly #grpc: GrpcServer;
  readonly #traffic = new Traffic();
  readonly #quietMs: number;
  readonly #unlist: Unlist[] = [];

  private constructor(
    backends: readonly Backend[],
    http: FastifyInstance,
    grpc: GrpcServer,
    stopping: AbortController,
    quietMs: number,
  ) {
    this.#backends = backends;
    this.#http = http;
    this.#grpc = grpc;
    this.#stopping = stopping;
    this.#quietMs = quietMs;
    this.#traffic.watchHttp1(http.server);
    this.#traffic.watchHttp2(grpc.server);
  }

  static async create(options: EdgeOptions): Promise<Edge> {
    const {
      serverContext,
      services,
      claimsIdentity,
      serviceConfig,
      isBehindSidecar = false,
      corsOrigins,
      heartbeatMs = HEARTBEAT_MS,
      stalledMs = STALLED_MS,
      unusedMs = UNUSED_MS,
      quietMs = isBehindSidecar ? QUIET_SIDECAR_MS : QUIET_MS,
      maxConnections = MAX_CONNECTIONS,
      moreBindings = [],
    } = options;
    const stopping = new AbortController();
    const backends = new Map(
      [...services].map(([service, address]) => [
        service,
        new Backend(service, address, claimsIdentity, serviceConfig),
      ]),
    );
    const contracts: MethodContract[] = servedBy(new Set(services.keys()));
    const bindings = [...contracts.flatMap(bindingsOf), ...moreBindings];
    const transport = new GrpcTransport(backends);
    const shared = { serverContext, contracts, transport, stopping: stopping.signal, isBehindSidecar, unusedMs };
    const rest = new RestHandler({ ...shared, backends, bindings, heartbeatMs, stalledMs });
    const openApi = () => JSON.stringify(openApiDocument(bindings));
    const http = await createHttpServer({ ...shared, rest, corsOrigins, openApi });
    const grpc = new GrpcServer(shared);
    limitHttp1(http.server, unusedMs);
    limitConnections([http.server, grpc.server], maxConnections);
    return new Edge([...backends.values()], http, grpc, stopping, quietMs);
  }

  /** Listens on "host:port" or "unix:/path". */
  async listen(httpAddress: string, grpcAddress: string, { takesOver = false } = {}): Promise<void> {
    const grpc = await listenAt(grpcAddress, (at) => this.#grpc.listen(parseAddress(at)), { takesOver });
    const http = await listenAt(httpAddress, (at) => this.#http.listen(parseAddress(at)), { takesOver });
    this.#unlist.push(grpc, http);
  }

  /**
   * Ends streams, and goes on answering for as long as something comes, each time as the last on its connection; then takes
   * nothing new, and cuts off what takes longer than `ms` milliseconds in all.
   */
  async drain(ms: number): Promise<void> {
    const end = performance.now() + ms;
    this.#stopping.abort();
    this.#traffic.makeEachAnswerTheLast();
    this.#grpc.announceEnd();
    while (performance.now() < end - CLOSE_MS && !this.#traffic.isQuiet(this.#quietMs)) await sleep(LOOK_MS);
    const { server } = this.#http;
    const closing = Promise.all([this.#http.close(), this.#grpc.close()]);
    // Node closes idle connections once; those that fall idle afterwards would be kept for their whole keep-alive time.
    const sweep = setInterval(() => server.closeIdleConnections(), LOOK_MS);
    const cutOff = setTimeout(
      () => {
        server.closeAllConnections();
        this.#grpc.cutOff();
      },
      Math.max(0, end - performance.now()),
    );
    await closing;
    clearInterval(sweep);
    clearTimeout(cutOff);
    await Promise.all(this.#unlist.map((unlist) => unlist()));
    for (const backend of this.#backends) backend.close();
  }
}

function parseAddress(address: string): { host: string; port: number } | { path: string } {
  if (address.startsWith("unix:")) return { path: address.slice("unix:".length) };
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
