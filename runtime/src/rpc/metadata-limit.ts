/**
 * How much metadata a call may bring. The limit is the same at the edge and at every service, and lies far below what servers and
 * sidecars can carry: beyond that a whole connection ends, and with it every other call on it.
 */
import type { Http2Server } from "node:http2";
import type { Responder, ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { DomainError } from "../domain-error.ts";
import { toAnswer } from "./status.ts";

/** Names and values together; gRPC's C core sends and takes no more either where nobody tells it to. */
export const MOST_METADATA_BYTES = 8 * 1024;
export const MOST_METADATA_KEYS = 100;
/** What is read so that it can be refused (Node reads 128 unless told otherwise); sidecars carry as much. */
export const CARRIED_KEYS = 1_000;
export const CARRIED_BYTES = 32 * 1024;

export class MetadataTooLarge extends DomainError {
  constructor(size: string) {
    const most = `at most ${MOST_METADATA_KEYS} and ${MOST_METADATA_BYTES} are taken`;
    super("exhausted", "METADATA_TOO_LARGE", `Cannot take what comes beside the request: it has ${size}; ${most}`);
  }
}

/** What is wrong with the size of a request's headers, given as names and values in turn. Those of HTTP/2 itself (":path") do not count. */
export function metadataRefusal(raw: readonly string[]): MetadataTooLarge | undefined {
  const size = excess(raw);
  return size === undefined ? undefined : new MetadataTooLarge(size);
}

function excess(raw: readonly string[]): string | undefined {
  let keys = 0;
  let bytes = 0;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? "";
    if (name.startsWith(":")) continue;
    keys += 1;
    bytes += name.length + (raw[at + 1]?.length ?? 0);
  }
  if (keys <= MOST_METADATA_KEYS && bytes <= MOST_METADATA_BYTES) return undefined;
  return `${keys} keys and ${bytes} bytes`;
}

/** What is too much of the call that a server begins; undefined for nothing. */
let begun: string | undefined;

/** Measures calls before grpc-js reads them: it hands on metadata as it understood it. */
export function measureMetadata(http2: Http2Server): void {
  http2.prependListener("stream", (_stream, _headers, _flags, raw: readonly string[]) => {
    begun = excess(raw);
  });
}

/** What was measured to be too much of the call that is being intercepted: grpc-js does so as soon as it hears of one. */
export function excessOfInterceptedCall(): string | undefined {
  return begun;
}

/** Refuses a call, whatever it calls. */
export function refusingExcess(call: ServerInterceptingCallInterface, size: string): Responder {
  return {
    start: (next) =>
      next({ onReceiveMetadata: () => call.sendStatus(toAnswer(new MetadataTooLarge(size), "").status) }),
  };
}
