/**
 * How a refusal travels that must not count against who gives it. Linkerd's circuit breaker (and the laptop's, which does the same)
 * counts UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED, INTERNAL, UNAVAILABLE and DATA_LOSS, and no setting leaves one out: a
 * caller without rights, or one dependency's outage, would take a service that is well away from everybody. So such a refusal
 * travels as a status that nobody counts, with a standard detail that says what is meant.
 */
import { status } from "@grpc/grpc-js";
import { ErrorInfo, PreconditionFailure, RetryInfo } from "@row/gen/grpc/google/rpc/error_details.ts";

/** One detail of a google.rpc.Status, in either of our two generators' form. */
export interface Detail {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** The type of the precondition that a caller without the right does not meet. */
const PERMISSION = "PERMISSION";
const TYPE_PREFIX = "type.googleapis.com/";

/** Any message type that ts-proto made. */
interface DetailType<T> {
  readonly $type: string;
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** Packs a detail. */
export function detail<T>(type: DetailType<T>, message: T): { typeUrl: string; value: Buffer } {
  return { typeUrl: TYPE_PREFIX + type.$type, value: Buffer.from(type.encode(message).finish()) };
}

/** The first detail of a type; undefined when there is none that can be read. */
export function detailOf<T>(type: DetailType<T>, details: readonly Detail[]): T | undefined {
  const found = details.find(({ typeUrl }) => typeUrl === TYPE_PREFIX + type.$type);
  if (!found) return undefined;
  try {
    return type.decode(found.value);
  } catch {
    return undefined; // a foreign answer; its code and message still count
  }
}

/** Says with FAILED_PRECONDITION that PERMISSION_DENIED is meant. */
export function permissionMissing(subject: string, description: string): Detail & { value: Buffer } {
  const violations = [{ type: PERMISSION, subject, description }];
  return detail(PreconditionFailure, PreconditionFailure.create({ violations }));
}

/** Says with ABORTED that UNAVAILABLE is meant: trouble elsewhere, which passes by itself. */
export function passesIn(seconds: number): Detail & { value: Buffer } {
  return detail(RetryInfo, RetryInfo.create({ retryDelay: { seconds: BigInt(seconds), nanos: 0 } }));
}

/** Whether a detail only says what is meant, and so is nothing to whom the meaning itself is told. */
export function isMark({ typeUrl }: Pick<Detail, "typeUrl">): boolean {
  return typeUrl === TYPE_PREFIX + PreconditionFailure.$type;
}

/** The status that is meant by one that travelled. */
export function meantBy(code: number, details: readonly Detail[]): number {
  if (code === status.FAILED_PRECONDITION) {
    const unmet = detailOf(PreconditionFailure, details)?.violations ?? [];
    return unmet.some(({ type }) => type === PERMISSION) ? status.PERMISSION_DENIED : code;
  }
  if (code !== status.ABORTED) return code;
  if (detailOf(RetryInfo, details)) return status.UNAVAILABLE;
  return detailOf(ErrorInfo, details)?.reason === "DEADLINE_EXCEEDED" ? status.DEADLINE_EXCEEDED : code;
}
