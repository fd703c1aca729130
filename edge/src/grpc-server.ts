/** gRPC over HTTP/2 without TLS. Connect and gRPC-Web are understood here as well. */
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { Transport } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { MethodContract } from "@row/runtime/contract.ts";
import { addRoutes, contextValues, routerOptions } from "./connect-routes.ts";
import type { Surroundings } from "./exchange.ts";
import { MAX_BODY_BYTES } from "./http-server.ts";

export interface GrpcServerOptions {
  readonly surroundings: Surroundings;
  readonly contracts: readonly MethodContract[];
  readonly transport: Transport;
  readonly stopping: AbortSignal;
}

export class GrpcServer {
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(options: GrpcServerOptions) {
    this.#server = createServer(
      connectNodeAdapter({
        ...routerOptions(options.surroundings, MAX_BODY_BYTES, options.stopping),
        contextValues,
        routes: (router) => addRoutes(router, options.contracts, options.transport, MAX_BODY_BYTES),
      }),
    );
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
  }

  listen(where: { host: string; port: number } | { path: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(where, resolve);
    });
  }

  /** Takes no more calls and waits for those in flight. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const session of this.#sessions) session.close();
    });
  }

  /** Ends what is still in flight. */
  cutOff(): void {
    for (const session of this.#sessions) session.destroy();
  }
}
