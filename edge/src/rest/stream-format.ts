/** The forms that a server stream has over HTTP: Server-Sent Events, and JSON lines. */
import type { OutgoingHttpHeaders } from "node:http";
import { entryFor, weightedList } from "../http/weighted-list.ts";
import { notAcceptable } from "./http-refusal.ts";

/** How a stream is written. */
export interface StreamFormat {
  /** The types under which it is asked for. */
  readonly types: readonly string[];
  readonly headers: OutgoingHttpHeaders;
  message(json: string, resumeToken: string | undefined): string;
  /** The last thing in a stream that fails; the HTTP status has been sent by then. */
  error(statusJson: string): string;
  /** The last thing in a stream that ends well. */
  readonly end: string;
  readonly heartbeat: string;
}

export const EVENTS: StreamFormat = {
  types: ["text/event-stream"],
  headers: headersOf("text/event-stream; charset=utf-8"),
  message: (json, resumeToken) =>
    `${resumeToken === undefined ? "" : `id: ${resumeToken.replace(/[\r\n\0]/g, "")}\n`}data: ${json}\n\n`,
  error: (statusJson) => `event: error\ndata: ${statusJson}\n\n`,
  end: "event: end\ndata: {}\n\n",
  heartbeat: ": still here\n\n",
};

const LINES: StreamFormat = {
  types: ["x-ndjson", "ndjson", "jsonl", "x-jsonlines", "json"].map((name) => `application/${name}`),
  headers: headersOf("application/x-ndjson; charset=utf-8"),
  message: (json) => `${json}\n`,
  error: (statusJson) => `{"error":${statusJson}}\n`,
  end: "",
  heartbeat: "\n",
};

/** What "accept" likes best; of two it likes alike what it names first, and else Server-Sent Events. Throws when it names neither. */
export function chooseFormat(accept: string | undefined): StreamFormat {
  const ranges = weightedList(accept || "*/*");
  const wanted = [EVENTS, LINES].flatMap((format) =>
    format.types.flatMap((type) => {
      const range = entryFor(ranges, type, `${type.slice(0, type.indexOf("/"))}/*`, "*/*");
      return range && range.weight > 0 ? [{ format, ...range }] : [];
    }),
  );
  const [best] = wanted.sort((a, b) => b.weight - a.weight || a.position - b.position);
  if (!best) throw notAcceptable("text/event-stream and application/x-ndjson");
  return best.format;
}

function headersOf(contentType: string): OutgoingHttpHeaders {
  return { "content-type": contentType, "cache-control": "no-store", "x-accel-buffering": "no" };
}
