/** Answers that HAProxy makes itself, as files: for gRPC without a body, which every client understands; for HTTP in JSON. */
import { STATUS_CODES } from "node:http";
import { quoted } from "./section.ts";

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
    message:
      "no service has this method: for health, and for what only one service describes, set the authority to the service's name",
  },
};

/** What the public door says by itself, in the shape in which the app says the rest (google.rpc.Status in JSON). 400 and 408 HAProxy 2.6 always says as a page of its own. */
const HTTP_ANSWERS = {
  500: { code: 13, reason: "INTERNAL", message: "Something went wrong on our side" },
  502: { code: 14, reason: "SERVICE_UNAVAILABLE", message: "Cannot answer: the edge went away; try again in a moment" },
  503: {
    code: 14,
    reason: "SERVICE_UNAVAILABLE",
    message: "Cannot answer now: the edge is not there; try again in a moment",
  },
  504: { code: 4, reason: "DEADLINE_EXCEEDED", message: "Cannot answer in time: the edge takes too long" },
} as const;

/** For a section whose clients speak HTTP. */
export function httpErrors(folder: string): string[] {
  return Object.keys(HTTP_ANSWERS).map((status) => `errorfile ${status} ${quoted(`${folder}/${status}.http`)}`);
}

/** "denied.http": the file's name in the sidecar's folder. */
export function errorFile(answer: Answer): string {
  return `${answer}.http`;
}

/** Every error file's text by its name. */
export function errorFiles(): Record<string, string> {
  return Object.fromEntries([
    ...Object.entries(STATUSES).map(([answer, status]) => [errorFile(answer as Answer), answerText(status)]),
    ...Object.entries(HTTP_ANSWERS).map(([status, answer]) => [`${status}.http`, httpText(status, answer)]),
  ]);
}

function httpText(status: string, { code, reason, message }: (typeof HTTP_ANSWERS)[keyof typeof HTTP_ANSWERS]): string {
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "shop" };
  const body = JSON.stringify({ code, message, details: [info] });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json; charset=utf-8",
    "cache-control: no-store",
    "x-content-type-options: nosniff",
    ...(code === 14 ? ["retry-after: 1"] : []),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
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
