/** Refusals that HTTP has a status of its own for. */
import type { Reason } from "@row/gen/reasons.ts";
import { DomainError, type ErrorKind } from "@row/runtime/domain-error.ts";

export class HttpRefusal extends DomainError {
  readonly httpStatus: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    refusal: { httpStatus: number; kind: ErrorKind; reason: Reason; headers?: Readonly<Record<string, string>> },
    message: string,
  ) {
    super(refusal.kind, refusal.reason, message);
    this.httpStatus = refusal.httpStatus;
    this.headers = refusal.headers ?? {};
  }
}

export function pathNotFound(method: string, path: string): HttpRefusal {
  return new HttpRefusal(
    { httpStatus: 404, kind: "not-found", reason: "PATH_NOT_FOUND" },
    `Cannot ${method} ${JSON.stringify(path.slice(0, 200))}: there is no such path; /docs lists all`,
  );
}

export function methodNotAllowed(method: string, path: string, allowed: readonly string[]): HttpRefusal {
  const allow = allowed.join(", ");
  return new HttpRefusal(
    { httpStatus: 405, kind: "invalid", reason: "METHOD_NOT_ALLOWED", headers: { allow } },
    `Cannot ${method} ${JSON.stringify(path.slice(0, 200))}: this path knows ${allow}`,
  );
}

export function bodyTooLarge(limit: number): HttpRefusal {
  return new HttpRefusal(
    { httpStatus: 413, kind: "invalid", reason: "BODY_TOO_LARGE", headers: { connection: "close" } },
    `Cannot take the body: it is larger than ${limit} bytes`,
  );
}

/** RFC 6585, section 5. */
export function headersTooLarge({ kind, reason, message }: DomainError): HttpRefusal {
  return new HttpRefusal({ httpStatus: 431, kind, reason }, message);
}

export function contentTypeUnsupported(given: string | undefined): HttpRefusal {
  return new HttpRefusal(
    {
      httpStatus: 415,
      kind: "invalid",
      reason: "CONTENT_TYPE_UNSUPPORTED",
      headers: { "accept-post": "application/json" },
    },
    `Cannot read a body of type ${JSON.stringify((given ?? "").slice(0, 100))}: send "content-type: application/json"`,
  );
}

export function contentEncodingUnsupported(given: string): HttpRefusal {
  return new HttpRefusal(
    {
      httpStatus: 415,
      kind: "invalid",
      reason: "CONTENT_ENCODING_UNSUPPORTED",
      headers: { "accept-encoding": "identity" },
    },
    `Cannot read a body with the content-encoding ${JSON.stringify(given.slice(0, 100))}: send it uncompressed`,
  );
}

export function hostUnreadable(): HttpRefusal {
  return new HttpRefusal(
    { httpStatus: 400, kind: "invalid", reason: "HOST_UNREADABLE" },
    "Cannot read the request: its Host header is missing or no host",
  );
}

export function notAcceptable(offered: string): HttpRefusal {
  return new HttpRefusal(
    { httpStatus: 406, kind: "invalid", reason: "NOT_ACCEPTABLE" },
    `Cannot answer in a type that "accept" names: this path offers ${offered}`,
  );
}
