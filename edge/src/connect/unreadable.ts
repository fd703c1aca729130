/**
 * Requests whose bytes are not what they say: Connect calls some of them an internal error and reads others for something
 * else, where the contract says that the argument is invalid.
 */
import { type DescMessage, fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { type ConnectRouter, type ContextValues, createContextKey } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { registry } from "@row/runtime/contract.ts";
import { DomainError } from "@row/runtime/domain-error.ts";
import { explain } from "../rest/json/explain.ts";
import { refuseMisreadNumbers } from "../rest/json/numbers.ts";
import { plainContentType } from "./content-type.ts";
import { serveText } from "./grpc-web-text.ts";
import { shortenTimeouts } from "./long-timeouts.ts";
import { ENVELOPE_BYTES, formOf, type MessageForm, messagesIn } from "./message-form.ts";

const REFUSAL = createContextKey<Error | undefined>(undefined, { description: "why the request is not readable" });

type Handler = ConnectRouter["handlers"][number];

/** Lets every handler of the router be called with what is not readable; `checkReadable` then refuses it. */
export function admitUnreadable(router: ConnectRouter, maxBytes: number): void {
  for (const [index, handler] of router.handlers.entries()) {
    const reading: Handler = Object.assign(
      (request: UniversalServerRequest) => serveText(request, (binary) => handler(readable(binary, handler, maxBytes))),
      handler, // its path, method and protocols
    );
    router.handlers[index] = reading;
  }
}

/** Throws for a request that was not readable. */
export function checkReadable(values: ContextValues): void {
  const refusal = values.get(REFUSAL);
  if (refusal) throw refusal;
}

function readable(request: UniversalServerRequest, handler: Handler, maxBytes: number): UniversalServerRequest {
  shortenTimeouts(request.header);
  plainContentType(request.header);
  const isGet = request.method === "GET" && handler.allowedMethods.includes("GET");
  const asked = isGet ? asPost(request) : request;
  const form = formOf(asked.header);
  if (!form || !isBytes(asked.body)) return asked;
  asked.header.delete("content-length"); // another body may take this one's place
  return { ...asked, body: read(asked.body, form, handler.method.input, maxBytes, asked.contextValues) };
}

/** A Connect request whose message is in its URL as one whose message is its body. */
function asPost(request: UniversalServerRequest): UniversalServerRequest {
  const { searchParams } = new URL(request.url);
  const text = searchParams.get("message") ?? "";
  const encoding = /^(json|proto)$/.exec(searchParams.get("encoding") ?? "")?.[0] ?? "unknown";
  request.header.set("content-type", `application/${encoding}`);
  request.header.set("content-encoding", searchParams.get("compression") ?? "identity");
  let message = Buffer.from(text);
  try {
    if (searchParams.get("base64") === "1") message = Buffer.from(base64Decode(text));
  } catch {
    request.contextValues?.set(REFUSAL, malformed("its message is no base64"));
  }
  return { ...request, method: "POST", body: only(message) };
}

/** Reads only when asked to: who may not call at all is refused before. */
async function* read(
  body: AsyncIterable<Uint8Array>,
  form: MessageForm,
  input: DescMessage,
  maxBytes: number,
  values: ContextValues | undefined,
): AsyncGenerator<Uint8Array> {
  const { bytes, rest } = await upTo(body, maxBytes + ENVELOPE_BYTES);
  if (rest) {
    // What is too long is Connect's to refuse.
    yield bytes;
    yield* rest;
    return;
  }
  const messages = await messagesIn(form, bytes, maxBytes);
  const refusals = messages.map((message) => whyUnreadable(form, input, message));
  const refusal = values?.get(REFUSAL) ?? refusals.find((one) => one !== undefined);
  values?.set(REFUSAL, refusal);
  yield refusal ? await nothing(form) : bytes;
}

function whyUnreadable(form: MessageForm, input: DescMessage, message: Uint8Array): Error | undefined {
  try {
    if (form.isJson) readJson(input, jsonOf(message));
    else fromBinary(input, message);
    return undefined;
  } catch (error) {
    return error instanceof DomainError ? error : malformed(`it is no ${input.typeName}`);
  }
}

/** What Connect would say of a field that does not fit is for who knows its library. */
function readJson(input: DescMessage, json: JsonValue | undefined): void {
  if (json === undefined) return;
  refuseMisreadNumbers(input, json);
  try {
    fromJson(input, json, { registry });
  } catch {
    throw explain(input, json);
  }
}

/** Undefined for what is no JSON, of which Connect says the right thing. */
function jsonOf(message: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(message));
  } catch {
    return undefined;
  }
}

/** A message that Connect can read in place of one that it cannot. */
async function nothing({ isJson, isEnveloped, compression }: MessageForm): Promise<Uint8Array> {
  const message = Buffer.from(isJson ? "{}" : "");
  if (!isEnveloped) return compression ? compression.compress(message) : message;
  const envelope = Buffer.alloc(ENVELOPE_BYTES);
  envelope.writeUInt32BE(message.length, 1);
  return Buffer.concat([envelope, message]);
}

function malformed(why: string): DomainError {
  return new DomainError("invalid", "MALFORMED_MESSAGE", `Cannot read the request: ${why}`);
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

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
