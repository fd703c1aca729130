/** Answers that HAProxy makes itself, as files: status line, headers and no body, which every gRPC client understands. */

/** Which answer. */
export type Answer =
  | "timed-out"
  | "unmatched"
  | "denied"
  | "rate-limited"
  | "unavailable"
  | "broken"
  | "no-such-service";

interface Status {
  readonly code: number;
  readonly message: string;
  readonly headers?: readonly string[];
}

const STATUSES: Readonly<Record<Answer, Status>> = {
  "timed-out": { code: 4, message: "timed out: the route's time is up" },
  unmatched: { code: 5, message: "no route matches this call" },
  denied: { code: 7, message: "unauthorized request on route" },
  "rate-limited": { code: 8, message: "rate limit exceeded" },
  // The route's retries are used up by now: the client's own retry policy must not add more.
  unavailable: { code: 14, message: "no endpoint could be reached", headers: ["grpc-retry-pushback-ms: -1"] },
  broken: {
    code: 14,
    message: "the connection broke before the answer came: whether the call was served is not known",
  },
  "no-such-service": {
    code: 5,
    message: "no service has this method: for health and reflection, set the authority to the service's name",
  },
};

/** "denied.http": the file's name in the sidecar's folder. */
export function errorFile(answer: Answer): string {
  return `${answer}.http`;
}

/** Every error file's text by its name. */
export function errorFiles(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(STATUSES).map(([answer, status]) => [errorFile(answer as Answer), answerText(status)]),
  );
}

function answerText({ code, message, headers = [] }: Status): string {
  const lines = [
    "HTTP/1.1 200 OK",
    "content-type: application/grpc",
    `grpc-status: ${code}`,
    `grpc-message: ${message}`,
    ...headers,
    "content-length: 0",
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}
