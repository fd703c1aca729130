/** An HTTP/1.1 connection that stays open and carries one request at a time. */
import { connect, type Socket } from "node:net";

export interface HttpResponse {
  readonly status: number;
  /** Status line and headers, as they came. */
  readonly head: string;
  readonly body: string;
}

/** No complete answer came in time. */
export class TimedOut extends Error {
  constructor(withinMs: number) {
    super(`no answer within ${withinMs} ms`);
  }
}

const CONNECT_MS = 5_000;

/** It reads no more of a response than it must, because whoever makes load shares a few cores with what it loads. */
export class HttpConnection {
  readonly #socket: Socket;
  #received = "";
  #answer: ((response: HttpResponse) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;
  #late: NodeJS.Timeout | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.setNoDelay(true);
    socket.on("data", (chunk: string) => this.#read(chunk));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("connection closed")));
  }

  static async open(port: number, host = "127.0.0.1"): Promise<HttpConnection> {
    const socket = connect({ port, host, timeout: CONNECT_MS });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
      socket.once("timeout", () => socket.destroy(new TimedOut(CONNECT_MS)));
    });
    socket.setTimeout(0);
    return new HttpConnection(socket);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Rejects when the connection ends first, or the answer is not complete in time; it is closed then. */
  send(request: string, withinMs: number): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#fail = reject;
      this.#late = setTimeout(() => this.#end(new TimedOut(withinMs)), withinMs);
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: string): void {
    this.#received = this.#received === "" ? chunk : this.#received + chunk;
    const response = completeResponse(this.#received);
    if (!response) return;
    this.#received = "";
    // Whoever says so closes it, and not before long.
    if (/\nconnection: *close/i.test(response.head)) this.#socket.destroy();
    const answer = this.#answer;
    this.#forget();
    answer?.(response);
  }

  #end(error: Error): void {
    this.#socket.destroy();
    const fail = this.#fail;
    this.#forget();
    fail?.(error);
  }

  #forget(): void {
    clearTimeout(this.#late);
    this.#answer = undefined;
    this.#fail = undefined;
  }
}

/** The response, once all of it has arrived. */
export function completeResponse(received: string): HttpResponse | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = received.slice(0, end);
  const body = received.slice(end + 4);
  const status = Number(head.slice(9, 12));
  const length = headerOf(head, "content-length");
  if (length !== undefined) return body.length >= Number(length) ? { status, head, body } : undefined;
  if (!/\ntransfer-encoding: *chunked/i.test(head)) return { status, head, body: "" };
  return body.endsWith("0\r\n\r\n") ? { status, head, body: withoutChunks(body) } : undefined;
}

/** The value of a header; undefined without it. */
export function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\\n${name}: *([^\\r]*)`, "i").exec(head)?.[1];
}

function withoutChunks(body: string): string {
  let text = "";
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf("\r\n", at);
    const size = Number.parseInt(body.slice(at, lineEnd), 16);
    if (!(size > 0)) return text;
    text += body.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
