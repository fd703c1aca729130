/** A gRPC status, ours or a service's, as the ConnectError that every protocol of the edge can write. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "@row/gen/es/google/rpc/error_details_pb.ts";
import { type Status, StatusSchema } from "@row/gen/es/google/rpc/status_pb.ts";
import { ERROR_DOMAIN } from "@row/runtime/domain-error.ts";
import { toAnswer, wasCutOff } from "@row/runtime/rpc/status.ts";
import { isMark, meantBy } from "@row/runtime/rpc/uncounted-status.ts";

/** What grpc-js says of a call that was not OK. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: { get(name: string): (string | Buffer)[] };
}

/** Codes that say a service has a fault: what it says of it is for its logs, not for end users. */
const FAULTS: ReadonlySet<number> = new Set([Code.Unknown, Code.Internal, Code.DataLoss]);

/** The error of a call to a service. */
export function fromService(service: string, answer: GrpcStatus, correlationId: string): ConnectError {
  const isCutOff = wasCutOff(answer);
  if (FAULTS.has(answer.code) && !isCutOff) {
    return withReason(
      Code.Internal,
      "INTERNAL",
      `Something went wrong on our side; quote ${correlationId} when you report it`,
    );
  }
  const status = statusDetails(answer);
  // Without details nobody answered: what grpc-js says then names addresses.
  if (isCutOff || (!status && answer.code === Code.Unavailable)) {
    return withReason(
      Code.Unavailable,
      "SERVICE_UNAVAILABLE",
      `Cannot answer now: ${service} is not reachable; try again in a moment`,
    );
  }
  if (!status && answer.code === Code.DeadlineExceeded) {
    return withReason(Code.DeadlineExceeded, "DEADLINE_EXCEEDED", `Cannot answer in time: ${service} takes too long`);
  }
  return toConnectError(answer, status);
}

/** The error for whatever the edge itself threw; a bug becomes INTERNAL and tells nothing. */
export function fromThrown(error: unknown, correlationId: string): { error: ConnectError; isBug: boolean } {
  if (error instanceof ConnectError) return { error, isBug: false };
  const { status, isBug } = toAnswer(error, correlationId);
  return { error: toConnectError(status, statusDetails(status)), isBug };
}

function withReason(code: Code, reason: string, message: string): ConnectError {
  const value = toBinary(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain: ERROR_DOMAIN }));
  const error = new ConnectError(message, code);
  error.details = [{ type: ErrorInfoSchema.typeName, value }];
  return error;
}

/** The outside world is told what is meant: no breaker stands between it and the edge. */
function toConnectError(answer: GrpcStatus, status: Status | undefined): ConnectError {
  const details = status?.details ?? [];
  const meant = meantBy(answer.code, details);
  const error = new ConnectError(answer.details, meant);
  const told = meant === answer.code ? details : details.filter((detail) => !isMark(detail));
  error.details = told.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return error;
}

function statusDetails(answer: GrpcStatus): Status | undefined {
  const binary = answer.metadata.get("grpc-status-details-bin")[0];
  if (!Buffer.isBuffer(binary)) return undefined;
  try {
    return fromBinary(StatusSchema, binary);
  } catch {
    return undefined;
  }
}
