/** gRPC over HTTP/2 without TLS. Connect and gRPC-Web are understood here as well. */
import type { IncomingMessage } from "node:http";
import { createServer, type Http2Server, type Http2ServerRequest, type ServerHttp2Session } from "node:http2";
import type { Transport } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { MethodContract } from "@row/runtime/contract.ts";
import { CARRIED_KEYS } from "@row/runtime/rpc/metadata-limit.ts";
import { limitHttp2, MOST_STREAMS } from "../http/connection-limits.ts";
import { isHost } from "../http/host.ts";
import { MAX_BODY_BYTES } from "../http/server.ts";
import { resetUnread } from "../http/unread-bodies.ts";
import type { ServerContext } from "../inbound-call.ts";
import { addReflection } from "../reflection/reflection.ts";
import { addRoutes, contextValues, type RequestOrigin, routerOptions } from "./routes.ts";

export interface GrpcServerOptions {
  readonly serverContext: ServerContext;
  readonly contracts: readonly MethodContract[];
  readonly transport: Transport;
  readonly stopping: AbortSignal;
  /** How long a connection may stay without use, in milliseconds. */
  readonly unusedMs: number;
  /** Whether the only client is the edge's own sidecar. */
  readonly isBehindSidecar: boolean;
}

export class GrpcServer {
  readonly server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(options: GrpcServerOptions) {
    const serve = connectNodeAdapter({
      ...routerOptions(options.serverContext, MAX_BODY_BYTES),
      contextValues: (request) => contextValues(originOf(request, options.isBehindSidecar)),
      routes: (router) => {
        addRoutes(router, options.contracts, options.transport, MAX_BODY_BYTES, options.stopping);
        addReflection(router, options.contracts);
      },
    });
    const limits = { settings: { maxConcurrentStreams: MOST_STREAMS }, maxHeaderListPairs: CARRIED_KEYS };
    this.server = createServer(limits, (request, response) => {
      // Connect makes a URL of it, and what it throws then nobody would catch.
      if (!isHost(request.authority)) {
        response.writeHead(400).end();
        return;
      }
      resetUnread(request);
      serve(request, response);
    });
    limitHttp2(this.server, options.unusedMs);
    this.server.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
  }

  listen(where: { host: string; port: number } | { path: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(where, resolve);
    });
  }

  /**
   * Answers what clients have asked by now, and asks them to call on another connection: what they ask before they have heard of it
   * is refused as something that was not begun, so they ask again (RFC 9113, sections 6.8 and 8.7). A connection that comes later is
   * served like any: its client has not heard of another edge yet, and grpc-js asks again once only.
   */
  announceEnd(): void {
    for (const session of this.#sessions) session.close();
  }

  /** Takes no more calls and waits for those in flight. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      for (const session of this.#sessions) session.close();
    });
  }

  /** Ends what is still in flight. */
  cutOff(): void {
    for (const session of this.#sessions) session.destroy();
  }
}

/** As Fastify finds it out on the other port: of forwarded addresses, the last is the one that the sidecar has seen. */
function originOf(request: IncomingMessage | Http2ServerRequest, isBehindSidecar: boolean): RequestOrigin {
  const { headers, rawHeaders, socket } = request;
  const forwarded = isBehindSidecar ? String(headers["x-forwarded-for"] ?? "") : "";
  return { ip: forwarded.split(",").at(-1)?.trim() || (socket.remoteAddress ?? ""), rawHeaders };
}
