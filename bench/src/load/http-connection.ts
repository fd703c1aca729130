import { connect, type Socket } from "node:net";

export interface HttpResponse {
  status: number;
  body: string;
}

const ANSWER_MS = 15_000;

/**
 * An HTTP/1.1 connection that stays open and carries one request at a time. It reads no more of a response than it must,
 * because the load generator shares two cores with what it measures.
 */
export class HttpConnection {
  readonly #socket: Socket;
  #received = "";
  #answer: ((response: HttpResponse) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.setNoDelay(true);
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error("no answer in time")));
    socket.on("data", (chunk: string) => this.#read(chunk));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("connection closed")));
  }

  static async open(port: number): Promise<HttpConnection> {
    const socket = connect({ port, host: "127.0.0.1" });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new HttpConnection(socket);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  send(request: string): Promise<HttpResponse> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      this.#fail = reject;
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
    const answer = this.#answer;
    this.#answer = undefined;
    this.#fail = undefined;
    answer?.(response);
  }

  #end(error: Error): void {
    this.#socket.destroy();
    this.#fail?.(error);
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
  const length = /\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return body.length >= Number(length) ? { status, body } : undefined;
  if (!/\ntransfer-encoding: *chunked/i.test(head)) return { status, body: "" };
  return body.endsWith("0\r\n\r\n") ? { status, body: withoutChunks(body) } : undefined;
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
