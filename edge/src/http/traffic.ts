/** What both servers of the edge still have in hand, so that it can stop without taking an answer from anybody. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Http2Server, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";

export class Traffic {
  readonly #connections = new Set<Socket>();
  readonly #responses = new Set<ServerResponse>();
  #open = 0;
  #isLast = false;
  /** When something was last answered, by performance.now(). */
  #answeredAt = 0;

  watchHttp1(server: Server): void {
    this.#watchConnections(server);
    // Before whoever answers it.
    server.prependListener("request", (_request: IncomingMessage, response: ServerResponse) => {
      if (this.#isLast) response.shouldKeepAlive = false;
      this.#responses.add(response);
      this.#opened();
      response.once("close", () => {
        this.#responses.delete(response);
        this.#closed();
      });
    });
  }

  watchHttp2(server: Http2Server): void {
    this.#watchConnections(server);
    server.prependListener("stream", (stream: ServerHttp2Stream) => {
      this.#opened();
      stream.once("close", () => this.#closed());
    });
  }

  /** From now on each answer is the last on its connection of HTTP/1.1, and says so (RFC 9112, section 9.6). */
  makeEachAnswerTheLast(): void {
    this.#isLast = true;
    this.#answeredAt = performance.now();
    for (const response of this.#responses) if (!response.headersSent) response.shouldKeepAlive = false;
  }

  /** Whether nothing is open, and nothing came for `ms` milliseconds on the connections that there still are. */
  isQuiet(ms: number): boolean {
    if (this.#open > 0) return false;
    return this.#connections.size === 0 || performance.now() - this.#answeredAt >= ms;
  }

  #watchConnections(server: Server | Http2Server): void {
    server.on("connection", (socket: Socket) => {
      this.#connections.add(socket);
      socket.once("close", () => this.#connections.delete(socket));
    });
  }

  #opened(): void {
    this.#open += 1;
  }

  #closed(): void {
    this.#open -= 1;
    this.#answeredAt = performance.now();
  }
}
