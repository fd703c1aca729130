/**
 * What is done with the rest of a body whose request is answered before it has come, as of one over the limit: unread it would
 * fill the windows of its connection, on which nothing else could be served any more.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest } from "node:http2";

/** Node reports a body as written before its trailers are. */
const TRAILERS_MS = 100;

/** Resets a stream of HTTP/2 without an error once it is answered in full: the client need not send the rest (RFC 9113, section 8.1). */
export function resetUnread(request: Http2ServerRequest): void {
  const { stream } = request;
  // The response's own event comes only when the stream has closed.
  stream.once("finish", () => {
    if (stream.readableEnded || stream.destroyed) return;
    request.resume(); // what has come makes room for other streams
    setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), TRAILERS_MS).unref();
  });
}

const LONGEST_READ_MS = 2_000;

/** Closes a connection of HTTP/1.1 after its answer, when the request has not come whole; to be called before the answer. */
export function closeUnread(request: IncomingMessage, response: ServerResponse, mostBytes: number): void {
  const { "content-length": length, "transfer-encoding": coding } = request.headers;
  if (length === undefined && coding === undefined) return; // nothing comes
  if (Number(length) > mostBytes) response.setHeader("connection", "close");
  response.once("finish", () => {
    if (request.complete) return;
    const timer = setTimeout(() => request.socket.destroy(), LONGEST_READ_MS);
    request.once("end", () => clearTimeout(timer));
  });
}

/** A connection that closes on a client, or a sidecar, that still sends takes the answer with it: what is sent is read, and forgotten. */
export function readToItsEnd(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LONGEST_READ_MS);
    request.once("close", () => resolve());
    request.once("end", () => {
      clearTimeout(timer);
      resolve();
    });
    request.resume();
  });
}
