/** A failed call, as a person reads it. */
import { type FileRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type ServiceError, status } from "@grpc/grpc-js";
import { StatusSchema } from "@row/gen/es/google/rpc/status_pb.ts";

/** A failed call as a person reads it: code and message, then the reason and the fields that its details name. */
export function describeFailure(error: ServiceError, contracts: FileRegistry): string {
  const lines = [`${status[error.code]}: ${error.details}`];
  for (const { type, value } of detailsOf(error, contracts)) {
    const text = JSON.stringify(value);
    if (type === "google.rpc.ErrorInfo" && isObject(value)) {
      lines.push(
        `  reason ${value.reason} (${value.domain})${value.metadata ? ` ${JSON.stringify(value.metadata)}` : ""}`,
      );
    } else if (type === "google.rpc.BadRequest" && isObject(value) && Array.isArray(value.fieldViolations)) {
      for (const { field, description } of value.fieldViolations) lines.push(`  ${field}: ${description}`);
    } else lines.push(`  ${type} ${text}`);
  }
  return lines.join("\n");
}

function detailsOf(error: ServiceError, contracts: FileRegistry): { type: string; value: unknown }[] {
  const [binary] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(binary instanceof Uint8Array)) return [];
  return fromBinary(StatusSchema, binary).details.map((detail) => {
    const message = anyUnpack(detail, contracts);
    const type = detail.typeUrl.slice(detail.typeUrl.lastIndexOf("/") + 1);
    const schema = message && contracts.getMessage(message.$typeName);
    return { type, value: schema ? toJson(schema, message, { registry: contracts }) : "(not in the contracts)" };
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
