/** Server streams over HTTP: Server-Sent Events, or JSON lines. */
import { once } from "node:events";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Responses } from "../backend.ts";
import type { Binding } from "./binding.ts";
import { notAcceptable } from "./http-refusal.ts";
import { responseJson, resumeTokenOf } from "./response.ts";

/** How a stream is written. */
export interface StreamFormat {
  readonly contentType: string;
  message(json: string, resumeToken: string | undefined): string;
  /** The last thing in a stream that fails; the HTTP status has been sent by then. */
  error(statusJson: string): string;
  /** The last thing in a stream that ends well. */
  readonly end: string;
  readonly heartbeat: string;
}

const EVENTS: StreamFormat = {
  contentType: "text/event-stream; charset=utf-8",
  message: (json, resumeToken) =>
    `${resumeToken === undefined ? "" : `id: ${resumeToken.replace(/[\r\n\0]/g, "")}\n`}data: ${json}\n\n`,
  error: (statusJson) => `event: error\ndata: ${statusJson}\n\n`,
  end: "event: end\ndata: {}\n\n",
  heartbeat: ": still here\n\n",
};

const LINES: StreamFormat = {
  contentType: "application/x-ndjson; charset=utf-8",
  message: (json) => `${json}\n`,
  error: (statusJson) => `{"error":${statusJson}}\n`,
  end: "",
  heartbeat: "\n",
};

/** Server-Sent Events, unless "accept" names JSON lines first. Throws when it names neither. */
export function chooseFormat(accept: string | undefined): StreamFormat {
  for (const range of (accept ?? "*/*").toLowerCase().split(",")) {
    const type = range.split(";", 1)[0]?.trim() ?? "";
    if (type === "text/event-stream" || type === "*/*" || type === "text/*") return EVENTS;
    if (/^application\/(x-ndjson|ndjson|jsonl|x-jsonlines|json|\*)$/.test(type)) return LINES;
  }
  throw notAcceptable("text/event-stream and application/x-ndjson");
}

/** Writes a stream to its end. Throws what the stream throws as long as nothing has been sent. */
export async function writeStream(
  response: ServerResponse,
  responses: Responses,
  options: {
    readonly binding: Binding;
    readonly format: StreamFormat;
    /** Asked for when the head is sent. */
    readonly headers: () => OutgoingHttpHeaders;
    /** The body of the error event. */
    readonly statusJson: (error: unknown) => string;
    readonly heartbeatMs: number;
    /** A resumed stream that has nothing more to say is answered 204, which stops an EventSource from coming back. */
    readonly isResumed: boolean;
  },
): Promise<number> {
  const { binding, format } = options;
  const begin = () => {
    if (response.headersSent) return;
    response.writeHead(200, {
      ...options.headers(),
      "content-type": format.contentType,
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
  };
  const heartbeat = setInterval(() => {
    begin();
    response.write(format.heartbeat);
  }, options.heartbeatMs);
  try {
    for await (const answer of responses) {
      begin();
      const text = format.message(responseJson(binding, answer), resumeTokenOf(binding, answer));
      if (!response.write(text)) await once(response, "drain", { signal: AbortSignal.timeout(60_000) });
    }
    if (!response.headersSent && options.isResumed && format === EVENTS)
      response.writeHead(204, options.headers()).end();
    else {
      begin();
      response.end(format.end);
    }
  } catch (error) {
    if (!response.headersSent) throw error;
    response.end(format.error(options.statusJson(error)));
  } finally {
    clearInterval(heartbeat);
  }
  return response.statusCode;
}
