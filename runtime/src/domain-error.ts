/** Refusals that callers can act on: what cannot be done and why, without a word of gRPC. */
import type { Reason } from "@row/gen/reasons.ts";

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

/** A field of the request that is wrong, by its proto path ("items[0].quantity"). */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** The domain of every reason this shop gives. */
export const ERROR_DOMAIN = "shop";

/** A refusal with a reason that callers can act on. Only rpc/status.ts knows its gRPC status. */
export class DomainError extends Error {
  readonly kind: ErrorKind;
  /** UPPER_SNAKE_CASE, as the contracts list it without the enum's prefix. */
  readonly reason: Reason;
  /** What else a caller may want to know; never personal. */
  readonly facts: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];

  constructor(
    kind: ErrorKind,
    reason: Reason,
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
