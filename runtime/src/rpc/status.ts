/** The one place where what a handler threw becomes a gRPC status, and a status that was received an error. */

import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo } from "@row/gen/grpc/google/rpc/error_details.ts";
import { Status } from "@row/gen/grpc/google/rpc/status.ts";
import { InjectedFailure } from "../behaviour/injected-failure.ts";
import { isDatabaseTrouble } from "../database/trouble.ts";
import { DomainError, ERROR_DOMAIN, type ErrorKind } from "../domain-error.ts";
import { fittingFacts, fittingMessage, fittingViolations } from "./error-size.ts";
import { type Detail, detail, detailOf, meantBy, passesIn, permissionMissing } from "./uncounted-status.ts";

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
  if (error instanceof InjectedFailure) {
    const { code, message: details } = error;
    return { status: { code, details, metadata: new Metadata() }, reason: "INJECTED", isBug: false };
  }
  const domainError = asDomainError(error);
  if (!domainError) {
    const details = `Something went wrong on our side; quote ${correlationId} when you report it`;
    return { status: { code: status.INTERNAL, details, metadata: new Metadata() }, reason: "INTERNAL", isBug: true };
  }
  const { kind, reason } = domainError;
  const facts = fittingFacts(domainError.facts);
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
