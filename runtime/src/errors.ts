/** Domain errors, and the one place where they become a gRPC status. */
import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo } from "@row/gen/grpc/google/rpc/error_details.ts";
import { Status } from "@row/gen/grpc/google/rpc/status.ts";
import { fittingMessage, fittingViolations } from "./error-size.ts";
import { type Detail, detail, detailOf, meantBy, passesIn, permissionMissing } from "./rpc/uncounted-status.ts";

/**
 * Kinds of refusals; each has one gRPC code. Only "unavailable" and "too-late" are this process's own trouble and count against
 * it: "cut-short" is a caller that gave less time than the contract does, "dependency" is trouble of something else.
 */
export type ErrorKind =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not-found"
  | "already-exists"
  | "refused"
  | "aborted"
  | "exhausted"
  | "caller-gone"
  | "cut-short"
  | "dependency"
  | "unavailable"
  | "too-late";

const CODES: Record<ErrorKind, status> = {
  invalid: status.INVALID_ARGUMENT,
  unauthenticated: status.UNAUTHENTICATED,
  forbidden: status.FAILED_PRECONDITION,
  "not-found": status.NOT_FOUND,
  "already-exists": status.ALREADY_EXISTS,
  refused: status.FAILED_PRECONDITION,
  aborted: status.ABORTED,
  exhausted: status.RESOURCE_EXHAUSTED,
  "caller-gone": status.CANCELLED,
  "cut-short": status.ABORTED,
  dependency: status.ABORTED,
  unavailable: status.UNAVAILABLE,
  "too-late": status.DEADLINE_EXCEEDED,
};

/** A field of the request that is wrong, by its proto path ("items[0].quantity"). */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** The domain of every reason this shop gives. */
export const ERROR_DOMAIN = "shop";

/** A refusal with a reason that callers can act on. Only this file knows its gRPC status. */
export class DomainError extends Error {
  readonly kind: ErrorKind;
  /** UPPER_SNAKE_CASE, as the contracts list it without the enum's prefix. */
  readonly reason: string;
  /** What else a caller may want to know; never personal. */
  readonly facts: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];

  constructor(
    kind: ErrorKind,
    reason: string,
    message: string,
    extra: { facts?: Readonly<Record<string, string>>; violations?: readonly FieldViolation[] } = {},
  ) {
    super(message);
    this.name = new.target.name;
    this.kind = kind;
    this.reason = reason;
    this.facts = extra.facts ?? {};
    this.violations = extra.violations ?? [];
  }
}

/** A field of the request is wrong. */
export class InvalidField extends DomainError {
  constructor(field: string, description: string) {
    super("invalid", "INVALID_REQUEST", `${field}: ${description}`, { violations: [{ field, description }] });
  }
}

/** The answer of a service that was called, when it was not OK. */
export class RpcError extends Error {
  /** What the callee means, also where it travelled as a status that nobody counts. */
  readonly code: status;
  /** From ErrorInfo; empty when the service gave none. */
  readonly reason: string;
  readonly facts: Readonly<Record<string, string>>;
  /** Who answered; empty when nobody did. */
  readonly servedBy: string;

  constructor(path: string, answer: StatusObject) {
    const details = detailsOf(answer.metadata);
    const code = wasCutOff(answer) ? status.UNAVAILABLE : meantBy(answer.code, details);
    super(`${path}: ${status[code]}: ${answer.details}`);
    this.name = "RpcError";
    this.code = code;
    const info = detailOf(ErrorInfo, details);
    this.reason = info?.reason ?? "";
    this.facts = info?.metadata ?? {};
    this.servedBy = String(answer.metadata.get("x-served-by")[0] ?? "");
  }
}

/**
 * Whether the connection broke within the answer, as when who answers is killed. grpc-js calls that INTERNAL, as if the callee
 * had a bug; its own words tell it apart.
 */
export function wasCutOff({ code, details }: Pick<StatusObject, "code" | "details">): boolean {
  return code === status.INTERNAL && details.startsWith("Received RST_STREAM with code");
}

function detailsOf(metadata: Metadata): readonly Detail[] {
  const binary = metadata.get("grpc-status-details-bin")[0];
  if (!Buffer.isBuffer(binary)) return [];
  try {
    return Status.decode(binary).details;
  } catch {
    return []; // a foreign answer; its code and message still count
  }
}

/** What a called service means by its answer that says nothing wrong of us: it has trouble, or no time, and so we cannot answer. */
const PASSING: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.RESOURCE_EXHAUSTED,
]);

/** What a handler threw, as the domain sees it; undefined for a bug. */
function asDomainError(error: unknown): DomainError | undefined {
  if (error instanceof DomainError) return error;
  if (error instanceof RpcError && PASSING.has(error.code)) {
    return new DomainError(
      "dependency",
      "DEPENDENCY_UNAVAILABLE",
      "Cannot answer now: a service it depends on does not answer",
    );
  }
  if (isDatabaseTrouble(error)) {
    return new DomainError("unavailable", "DATABASE_UNAVAILABLE", "Cannot answer now: the database is not reachable");
  }
  return undefined;
}

/** SQLSTATE classes and codes that pass by themselves: connection lost, shutting down, serialisation, deadlock. */
const PASSING_SQLSTATE = /^(08|53|57P0|40001|40P01|55P03)/;
/** Prisma's own codes for the same. */
const PRISMA_TROUBLE = /^P(10(01|02|08|11|17)|2024|2034|2037)$/;
/** What pg says without a code; its query_timeout is the last but one. */
const LOST_CONNECTION =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|Client was closed/;
const SOCKET_TROUBLE = new Set(["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOENT"]);

/** Whether the error says that the database cannot be reached for now. */
export function isDatabaseTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isDatabaseTrouble);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return (
    PASSING_SQLSTATE.test(code) ||
    PASSING_SQLSTATE.test(sqlStateInPrisma(error)) ||
    PRISMA_TROUBLE.test(code) ||
    SOCKET_TROUBLE.has(code) ||
    LOST_CONNECTION.test(error.message)
  );
}

/** SQLSTATEs of a statement that lost against another, or took longer than it may. */
const CONFLICT_SQLSTATE = /^(40001|40P01|55P03|57014)$/;

/** Whether the statement might do if it came again: it had no effect, and nothing is wrong with it. */
export function isDatabaseConflict(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return CONFLICT_SQLSTATE.test(code) || CONFLICT_SQLSTATE.test(sqlStateInPrisma(error)) || code === "P2034";
}

/** The SQLSTATE of an error that Prisma wraps; empty for any other error. */
function sqlStateInPrisma(error: Error): string {
  const { meta } = error as { meta?: { driverAdapterError?: { cause?: { originalCode?: unknown } } } };
  return String(meta?.driverAdapterError?.cause?.originalCode ?? "");
}

/** When trouble elsewhere may be over. */
const TRY_AGAIN_SECONDS = 1;

/** A gRPC status with its details, ready to be sent; `isBug` when nobody planned for it. */
export interface ErrorAnswer {
  readonly status: StatusObject;
  readonly reason: string;
  readonly isBug: boolean;
}

/** Turns whatever a handler threw into the status that the caller gets. A bug becomes INTERNAL and tells nothing. */
export function toAnswer(error: unknown, correlationId: string): ErrorAnswer {
  const domainError = asDomainError(error);
  if (!domainError) {
    const details = `Something went wrong on our side; quote ${correlationId} when you report it`;
    return { status: { code: status.INTERNAL, details, metadata: new Metadata() }, reason: "INTERNAL", isBug: true };
  }
  const { kind, reason, facts } = domainError;
  const message = fittingMessage(domainError.message);
  const violations = fittingViolations(domainError.violations);
  const code = CODES[kind];
  const details = [detail(ErrorInfo, ErrorInfo.create({ reason, domain: ERROR_DOMAIN, metadata: facts }))];
  if (violations.length > 0) {
    details.push(detail(BadRequest, BadRequest.create({ fieldViolations: violations.map((v) => ({ ...v })) })));
  }
  if (kind === "forbidden") details.push(permissionMissing(reason, ""));
  if (kind === "dependency") details.push(passesIn(TRY_AGAIN_SECONDS));
  const metadata = new Metadata();
  metadata.set(
    "grpc-status-details-bin",
    Buffer.from(Status.encode(Status.create({ code, message, details })).finish()),
  );
  return { status: { code, details: message, metadata }, reason, isBug: false };
}
