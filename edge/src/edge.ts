/** The edge put together: backends, routes and both servers. */
import type { MethodContract } from "@row/runtime/contract.ts";
import { listenAt } from "@row/runtime/rpc/listen.ts";
import type { ServiceConfigFile } from "@row/runtime/rpc/retry-config.ts";
import type { FastifyInstance } from "fastify";
import { Backend } from "./backend.ts";
import { GrpcServer } from "./connect/grpc-server.ts";
import { GrpcTransport } from "./connect/transport.ts";
import { servedBy } from "./contract.ts";
import { createHttpServer } from "./http/server.ts";
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
  /** Routes that the contracts do not have. */
  readonly moreBindings?: readonly Binding[];
}

const HEARTBEAT_MS = 15_000;
const STALLED_MS = 60_000;
const UNUSED_MS = 60_000;
const DRAIN_MS = 5_000;
const SWEEP_MS = 20;

export class Edge {
  readonly #stopping: AbortController;
  readonly #backends: readonly Backend[];
  readonly #http: FastifyInstance;
  readonly #grpc: GrpcServer;

  private constructor(
    backends: readonly Backend[],
    http: FastifyInstance,
    grpc: GrpcServer,
    stopping: AbortController,
  ) {
    this.#backends = backends;
    this.#http = http;
    this.#grpc = grpc;
    this.#stopping = stopping;
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
    const openApi = JSON.stringify(openApiDocument(bindings));
    const http = await createHttpServer({ ...shared, rest, corsOrigins, openApi });
    return new Edge([...backends.values()], http, new GrpcServer(shared), stopping);
  }

  /** Listens on "host:port" or "unix:/path". */
  async listen(httpAddress: string, grpcAddress: string): Promise<void> {
    await listenAt(grpcAddress, () => this.#grpc.listen(parseAddress(grpcAddress)));
    await listenAt(httpAddress, () => this.#http.listen(parseAddress(httpAddress)));
  }

  /** Takes nothing new, ends streams, waits for what is in flight, and cuts off what takes too long. */
  async drain(): Promise<void> {
    const { server } = this.#http;
    const closing = Promise.all([this.#http.close(), this.#grpc.close()]);
    this.#stopping.abort();
    // Node closes idle connections once; those that fall idle afterwards would be kept for their whole keep-alive time.
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
    const cutOff = setTimeout(() => {
      server.closeAllConnections();
      this.#grpc.cutOff();
    }, DRAIN_MS);
    await closing;
    clearInterval(sweep);
    clearTimeout(cutOff);
    for (const backend of this.#backends) backend.close();
  }
}

function parseAddress(address: string): { host: string; port: number } | { path: string } {
  if (address.startsWith("unix:")) return { path: address.slice("unix:".length) };
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
