/** Errors as HTTP: the status of google.rpc.Code, and a body that is google.rpc.Status in JSON. */
import {
  type DescField,
  type DescMessage,
  fromBinary,
  type JsonObject,
  type JsonValue,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { Code, type ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "@row/gen/es/google/rpc/error_details_pb.ts";
import { registry } from "@row/runtime/contract.ts";

/** google/rpc/code.proto says which HTTP status each code has. */
const HTTP_STATUS: Readonly<Record<Code, number>> = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 400,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

export function httpStatusOf(error: ConnectError): number {
  return HTTP_STATUS[error.code];
}

/** The body of an error. `input` is the request message, whose fields are named as JSON names them, throughout. */
export function statusJson(error: ConnectError, input?: DescMessage): JsonObject {
  const details: JsonValue[] = [];
  for (const detail of error.details) {
    if ("desc" in detail) continue; // made by Connect itself, for its own protocols
    if (detail.type !== BadRequestSchema.typeName || !input) {
      details.push(detailJson(detail.type, detail.value));
      continue;
    }
    const badRequest = fromBinary(BadRequestSchema, detail.value);
    for (const violation of badRequest.fieldViolations) {
      violation.field = jsonPath(violation.field, input);
      violation.description = inJsonNames(violation.description, input);
    }
    details.push(detailJson(detail.type, toBinary(BadRequestSchema, badRequest)));
  }
  const message = input ? inJsonNames(withoutPaths(error.rawMessage, input), input) : error.rawMessage;
  return { code: error.code, message, details };
}

/** "items[0].product_id" as "items[0].productId"; what is no field of the message stays as it is. */
function jsonPath(path: string, input: DescMessage): string {
  let message: DescMessage | undefined = input;
  const named: string[] = [];
  for (const part of path.split(".")) {
    const name = part.split("[", 1)[0] ?? "";
    const field: DescField | undefined = message?.fields.find((candidate) => candidate.name === name);
    named.push(field ? field.jsonName + part.slice(name.length) : part);
    // A mask is one string in JSON: there is no "paths" in it.
    if (field?.message?.typeName === FieldMaskSchema.typeName) break;
    message = field?.message;
  }
  return named.join(".");
}

const MASK_PATH = /^([a-z][a-z0-9_]*)\.paths\[\d+\](?=: )/;

function withoutPaths(text: string, input: DescMessage): string {
  return text.replace(MASK_PATH, (path) => jsonPath(path, input));
}

/** Names with an underscore; one in quotes is what the caller sent. */
const PROTO_NAME = /(?<!["\w])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?!["\w])/g;
const jsonNames = new Map<DescMessage, ReadonlyMap<string, string>>();

/** The text with the message's fields, also those deep inside, in JSON names: wherever they stand, and where it was cut. */
function inJsonNames(text: string, input: DescMessage): string {
  let names = jsonNames.get(input);
  if (!names) {
    names = namesIn(input, new Set());
    jsonNames.set(input, names);
  }
  return text.replace(PROTO_NAME, (name) => names.get(name) ?? name);
}

function namesIn(message: DescMessage, seen: Set<DescMessage>): Map<string, string> {
  const names = new Map<string, string>();
  if (seen.has(message)) return names;
  seen.add(message);
  for (const field of message.fields) {
    names.set(field.name, field.jsonName);
    if (field.message) for (const [name, jsonName] of namesIn(field.message, seen)) names.set(name, jsonName);
  }
  return names;
}

function detailJson(type: string, value: Uint8Array): JsonObject {
  const typeUrl = `type.googleapis.com/${type}`;
  const descriptor = registry.getMessage(type);
  if (!descriptor) return { "@type": typeUrl, value: Buffer.from(value).toString("base64") };
  const json = toJson(descriptor, fromBinary(descriptor, value), { registry });
  return { "@type": typeUrl, ...(json as JsonObject) }; // google.rpc details are plain messages
}
