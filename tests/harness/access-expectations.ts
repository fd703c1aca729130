/** What access.md lets happen: the status that a call by somebody must end with when its bytes are no message. */
import { status } from "@grpc/grpc-js";
import type { ProbeResult } from "./probe.ts";

export const END_USERS = ["anonymous", "customer", "merchant", "admin"];

type Row = Readonly<Record<string, string>>;

/** Whoever may call hears that these bytes are no message. Of services only the sidecar says PERMISSION_DENIED: see access.md. */
export function expectedCode(row: Row, user: string): status {
  if (isAllowed(row[user])) return status.INVALID_ARGUMENT;
  if (isServicesOnly(row)) return status.PERMISSION_DENIED;
  return user === "anonymous" ? status.UNAUTHENTICATED : status.FAILED_PRECONDITION;
}

export function expectedCodeAtTheEdge(row: Row, user: string): status {
  if (isServicesOnly(row)) return status.UNIMPLEMENTED;
  const code = expectedCode(row, user);
  return code === status.FAILED_PRECONDITION ? status.PERMISSION_DENIED : code;
}

/** Of a service that calls through its own sidecar. */
export function expectedCodeOfService(cell: string | undefined): status {
  return isAllowed(cell) ? status.INVALID_ARGUMENT : status.PERMISSION_DENIED;
}

/** A sentence where a call ended otherwise. */
export function difference(what: string, { code, reason, message }: ProbeResult, expected: status): string[] {
  if (code === expected) return [];
  return [`${what}: ${status[expected]} expected, got ${status[code]} ${reason} ${message}`];
}

export function isAllowed(cell: string | undefined): boolean {
  return cell === "yes" || cell === "own";
}

function isServicesOnly(row: Row): boolean {
  return END_USERS.every((user) => row[user] === "no");
}
