/** Answers what Node could not read as a request of HTTP/1.1, in the shape of every other error. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { DomainError } from "@row/runtime/domain-error.ts";
import { CARRIED_BYTES } from "@row/runtime/rpc/metadata-limit.ts";
import { statusJson } from "../rest/error-status.ts";
import { fromThrown } from "../rpc-error.ts";

/** How long a client may take to read the answer while it still sends. */
const LAST_WORDS_MS = 2_000;

/** Fastify's `clientErrorHandler`. */
export function answerUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, refusal } = refusalOf(error.code);
  const body = JSON.stringify(statusJson(fromThrown(refusal, "").error));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "cache-control: no-store",
    "x-content-type-options: nosniff",
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  // A connection that closes on a client that still sends takes the answer with it.
  socket.resume();
  setTimeout(() => socket.destroy(), LAST_WORDS_MS).unref();
}

function refusalOf(code: string | undefined): { status: number; refusal: DomainError } {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT": {
      const message = "Cannot wait any longer: the request did not come whole in time";
      return { status: 408, refusal: new DomainError("cut-short", "DEADLINE_EXCEEDED", message) };
    }
    case "HPE_HEADER_OVERFLOW": {
      const message = `Cannot read the request: its headers are longer than ${CARRIED_BYTES} bytes`;
      return { status: 431, refusal: new DomainError("exhausted", "METADATA_TOO_LARGE", message) };
    }
    default:
      return {
        status: 400,
        refusal: new DomainError("invalid", "MALFORMED_MESSAGE", "Cannot read the request: it is no HTTP/1.1"),
      };
  }
}
