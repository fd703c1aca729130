/** Requests whose bytes are no protobuf message: Connect calls them an internal error, the contract an invalid argument. */
import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { type ConnectRouter, type ContextValues, createContextKey } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { DomainError } from "@row/runtime/errors.ts";

const IS_UNREADABLE = createContextKey(false);
/** gRPC and gRPC-Web put a byte of flags and four of length before the message. */
const ENVELOPE_BYTES = 5;
const IS_COMPRESSED = 1;
const BINARY = /^application\/(proto$|grpc(-web)?(\+proto)?(;|$))/;

/** Lets every handler of the router be called with bytes that are no message; `checkReadable` then refuses them. */
export function admitUnreadable(router: ConnectRouter, maxBytes: number): void {
  for (const [index, handler] of router.handlers.entries()) {
    const reading: typeof handler = Object.assign(
      async (request: UniversalServerRequest) => handler(await readable(request, handler.method.input, maxBytes)),
      handler, // its path, method and protocols
    );
    router.handlers[index] = reading;
  }
}

/** Throws for a request that was not readable. */
export function checkReadable(values: ContextValues, input: DescMessage): void {
  if (!values.get(IS_UNREADABLE)) return;
  throw new DomainError("invalid", "MALFORMED_MESSAGE", `Cannot read the request: it is no ${input.typeName}`);
}

async function readable(
  request: UniversalServerRequest,
  input: DescMessage,
  maxBytes: number,
): Promise<UniversalServerRequest> {
  const { header, body } = request;
  const type = header.get("content-type") ?? "";
  if (!BINARY.test(type) || !isBytes(body) || header.has("content-encoding")) return request;
  const read = await upTo(body, maxBytes + ENVELOPE_BYTES);
  // What is too long is Connect's to refuse, and what is compressed its to unpack.
  if (read.rest) return { ...request, body: chain(read.bytes, read.rest) };
  const isEnveloped = type.startsWith("application/grpc");
  const [flags = 0] = isEnveloped ? read.bytes : [0];
  const isWhole = !isEnveloped || lengthOf(read.bytes) === read.bytes.length - ENVELOPE_BYTES;
  const message = isEnveloped ? read.bytes.subarray(ENVELOPE_BYTES) : read.bytes;
  if (!isWhole || (flags & IS_COMPRESSED) !== 0 || parses(input, message)) {
    return { ...request, body: chain(read.bytes) };
  }
  request.contextValues?.set(IS_UNREADABLE, true);
  return { ...request, body: chain(isEnveloped ? new Uint8Array(ENVELOPE_BYTES) : new Uint8Array()) };
}

function isBytes(body: UniversalServerRequest["body"]): body is AsyncIterable<Uint8Array> {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body;
}

/** The body, or its beginning and the rest when it is longer than `limit`. */
async function upTo(
  body: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<{ bytes: Buffer; rest?: AsyncIterable<Uint8Array> }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const iterator = body[Symbol.asyncIterator]();
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    chunks.push(next.value);
    length += next.value.length;
    if (length > limit) return { bytes: Buffer.concat(chunks), rest: { [Symbol.asyncIterator]: () => iterator } };
  }
  return { bytes: Buffer.concat(chunks) };
}

async function* chain(bytes: Uint8Array, rest?: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield bytes;
  if (rest) yield* rest;
}

function lengthOf(envelope: Buffer): number {
  return envelope.length < ENVELOPE_BYTES ? -1 : envelope.readUInt32BE(1);
}

function parses(input: DescMessage, bytes: Uint8Array): boolean {
  try {
    fromBinary(input, bytes);
    return true;
  } catch {
    return false;
  }
}
