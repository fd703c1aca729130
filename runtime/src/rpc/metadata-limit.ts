/**
 * How much metadata a call may bring. The limit is the same at the edge and at every service, and lies far below what servers and
 * sidecars can carry: beyond that a whole connection ends, and with it every other call on it.
 */
import type { Http2Server } from "node:http2";
import type { Metadata, Responder, ServerInterceptingCallInterface } from "@grpc/grpc-js";
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

/** Tells the interceptor what only HTTP/2 knows: grpc-js hands on metadata as it understood it. */
const EXCESS = "x-metadata-excess";

/** Measures calls before grpc-js reads them. */
export function measureMetadata(http2: Http2Server): void {
  http2.prependListener("stream", (_stream, headers, _flags, raw: readonly string[]) => {
    const size = excess(raw);
    if (size !== undefined) headers[EXCESS] = size;
    else if (headers[EXCESS] !== undefined) delete headers[EXCESS];
  });
}

/** Refuses what was measured to be too large, whatever it calls. */
export function refusingExcess(call: ServerInterceptingCallInterface): Responder {
  return {
    start: (next) =>
      next({
        onReceiveMetadata: (metadata: Metadata, pass) => {
          const [size] = metadata.get(EXCESS);
          if (size === undefined) return pass(metadata);
          call.sendStatus(toAnswer(new MetadataTooLarge(String(size)), "").status);
        },
      }),
  };
}
