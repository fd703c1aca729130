import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { spansFromJson } from "./otlp-json.ts";
import { spansFromProtobuf } from "./otlp-protobuf.ts";
import type { ReceivedSpan } from "./span.ts";

/** A body that cannot be taken, with the HTTP status that says so. */
export class BadBody extends Error {
  readonly httpStatus: number;

  constructor(httpStatus: number, reason: string) {
    super(`Cannot take the spans: ${reason}`);
    this.httpStatus = httpStatus;
  }
}

/** A batch of 512 spans has a tenth of that. */
const MOST_BYTES = 4 * 1024 * 1024;
const unzip = promisify(gunzip);

export type Encoding = "json" | "protobuf";

/** Which of OTLP's two encodings a request has; throws BadBody for another. */
export function encodingOf(request: IncomingMessage): Encoding {
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim();
  if (type === "application/json") return "json";
  if (type === "application/x-protobuf") return "protobuf";
  throw new BadBody(415, `${type || "no content type"}: send application/json or application/x-protobuf`);
}

/** Reads the spans of a POST to /v1/traces; throws BadBody. */
export async function readSpans(request: IncomingMessage, encoding: Encoding): Promise<ReceivedSpan[]> {
  const body = await readBody(request);
  try {
    return encoding === "json" ? spansFromJson(body.toString("utf8")) : spansFromProtobuf(body);
  } catch (error) {
    throw new BadBody(400, error instanceof Error ? error.message : String(error));
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new BadBody(413, `more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const coding = request.headers["content-encoding"] ?? "identity";
  if (coding === "identity") return body;
  if (coding !== "gzip") throw new BadBody(415, `content-encoding ${coding}: send gzip or none`);
  try {
    return await unzip(body, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    const isTooLarge = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    throw isTooLarge
      ? new BadBody(413, `more than ${MOST_BYTES} bytes when unpacked`)
      : new BadBody(400, "the body is not gzip");
  }
}
