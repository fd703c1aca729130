/** Turns what HTTP carries into the request message of an RPC: path, query, body and headers. */
import {
  create,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { registry } from "@row/runtime/contract.ts";
import { InvalidField } from "@row/runtime/domain-error.ts";
import type { Binding } from "./binding.ts";
import { parseJsonBody } from "./json/body.ts";
import { explain } from "./json/explain.ts";
import { refuseMisreadNumbers } from "./json/numbers.ts";
import { putPathValues } from "./path-values.ts";
import { readQuery } from "./query.ts";
import { putRequestId } from "./request-id.ts";

/** The parts of an HTTP request that make up a message. */
export interface RequestParts {
  /** Of the path, still percent-encoded. */
  readonly segments: readonly string[];
  /** What follows the question mark. */
  readonly query: string;
  readonly body: Buffer | undefined;
  readonly idempotencyKey: string | undefined;
  /** Whose idempotencyKey it is. */
  readonly caller: string;
  /** The EventSource header that resumes a stream. */
  readonly lastEventId: string | undefined;
}

/** Reads the request; throws a DomainError that names what does not fit. */
export function decodeRequest(binding: Binding, parts: RequestParts): Buffer {
  const { input } = binding.contract.descriptor;
  const json = binding.isOneValue ? wholeBody(parts) : fieldsOf(binding, parts);
  const message = json === undefined ? create(input) : read(input, json);
  const bytes = toBinary(input, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function read(input: DescMessage, json: JsonValue): Message {
  refuseMisreadNumbers(input, json);
  try {
    return fromJson(input, json, { registry });
  } catch {
    throw explain(input, json);
  }
}

/** A message that is one JSON value, with no fields for path or query to give; undefined when there is none. */
function wholeBody({ body, query }: RequestParts): JsonValue | undefined {
  if (query !== "") refuseQuery(query);
  return body === undefined || body.length === 0 ? undefined : parseJsonBody(body);
}

function fieldsOf(binding: Binding, parts: RequestParts): JsonObject {
  const { input } = binding.contract.descriptor;
  const json = fromBody(binding, parts.body);
  if (parts.query !== "") {
    // With body "*" every field that the path does not give is the body's.
    if (binding.body === "all") refuseQuery(parts.query);
    readQuery(input, parts.query, binding.taken, json);
  }
  putPathValues(binding.variables, parts.segments, json);
  if (binding.takesRequestId) putRequestId(json, parts.idempotencyKey, parts.caller, binding.contract.path);
  if (parts.lastEventId !== undefined && input.field.resumeToken) json.resumeToken = parts.lastEventId;
  return json;
}

function fromBody(binding: Binding, body: Buffer | undefined): JsonObject {
  if (body === undefined || body.length === 0) return {};
  if (binding.body === "none") {
    throw new InvalidField("body", `there must be none for ${binding.httpMethod} ${binding.path}`);
  }
  const json = parseJsonBody(body);
  return binding.body === "all" ? asObject(json) : { [binding.body.jsonName]: json };
}

function asObject(json: JsonValue): JsonObject {
  if (json === null || typeof json !== "object" || Array.isArray(json)) {
    throw new InvalidField("body", "must be a JSON object");
  }
  return json;
}

function refuseQuery(query: string): void {
  const [name = ""] = [...new URLSearchParams(query).keys()];
  throw new InvalidField(name.slice(0, 200), "there are no query parameters here; fields go into the body");
}
