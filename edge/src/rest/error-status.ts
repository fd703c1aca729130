/** Errors as HTTP: the status of google.rpc.Code, and a body that is google.rpc.Status in JSON. */
import { type DescMessage, fromBinary, type JsonObject, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { type BadRequest, BadRequestSchema } from "@row/gen/es/google/rpc/error_details_pb.ts";
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

/** The body of an error. `input` is the request message, whose fields are named as JSON names them. */
export function statusJson(error: ConnectError, input?: DescMessage): JsonObject {
  const details: JsonValue[] = [];
  let message = error.rawMessage;
  for (const detail of error.details) {
    if ("desc" in detail) continue; // made by Connect itself, for its own protocols
    if (detail.type !== BadRequestSchema.typeName) {
      details.push(detailJson(detail.type, detail.value));
      continue;
    }
    const badRequest = fromBinary(BadRequestSchema, detail.value);
    if (input) message = nameFieldsAsJson(badRequest, input, message);
    details.push(detailJson(detail.type, toBinary(BadRequestSchema, badRequest)));
  }
  return { code: error.code, message, details };
}

/** Renames fields, in the message too where it does nothing but list them. */
function nameFieldsAsJson(badRequest: BadRequest, input: DescMessage, message: string): string {
  const list = () => badRequest.fieldViolations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  const isList = list() === message;
  for (const violation of badRequest.fieldViolations) violation.field = jsonPath(violation.field, input);
  return isList ? list() : message;
}

/** "items[0].product_id" as "items[0].productId"; what is no field of the message stays as it is. */
function jsonPath(path: string, input: DescMessage): string {
  let message: DescMessage | undefined = input;
  return path
    .split(".")
    .map((part) => {
      const name = part.split("[", 1)[0] ?? "";
      const field = message?.fields.find((candidate) => candidate.name === name);
      message = field?.message;
      return field ? field.jsonName + part.slice(name.length) : part;
    })
    .join(".");
}

function detailJson(type: string, value: Uint8Array): JsonObject {
  const typeUrl = `type.googleapis.com/${type}`;
  const descriptor = registry.getMessage(type);
  if (!descriptor) return { "@type": typeUrl, value: Buffer.from(value).toString("base64") };
  const json = toJson(descriptor, fromBinary(descriptor, value), { registry });
  return { "@type": typeUrl, ...(json as JsonObject) }; // google.rpc details are plain messages
}
