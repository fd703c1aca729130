/** Server streams over HTTP, written as fast as they are read. */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Responses } from "../backend.ts";
import type { Binding } from "./binding.ts";
import { PacedWriter } from "./paced-writer.ts";
import { responseJson, resumeTokenOf } from "./response.ts";
import { EVENTS, type StreamFormat } from "./stream-format.ts";
import type { AnswerForm } from "./system-parameters.ts";

/** Writes a stream to its end. Throws what the stream throws as long as nothing has been sent. */
export async function writeStream(
  response: ServerResponse,
  responses: Responses,
  options: {
    readonly binding: Binding;
    readonly format: StreamFormat;
    readonly form: AnswerForm;
    /** Asked for when the head is sent. */
    readonly headers: () => OutgoingHttpHeaders;
    /** The body of the error event. */
    readonly statusJson: (error: unknown) => string;
    readonly heartbeatMs: number;
    /** How long the reader may take nothing. */
    readonly stalledMs: number;
    /** A resumed stream that has nothing more to say is answered 204, which stops an EventSource from coming back. */
    readonly isResumed: boolean;
  },
): Promise<number> {
  const { binding, format, form } = options;
  const writer = new PacedWriter(response, options.stalledMs);
  const begin = () => {
    if (response.headersSent) return;
    response.writeHead(200, { ...options.headers(), ...format.headers });
  };
  const heartbeat = setInterval(() => {
    begin();
    writer.offer(format.heartbeat);
  }, options.heartbeatMs);
  try {
    for await (const answer of responses) {
      begin();
      await writer.write(format.message(responseJson(binding, answer, form), resumeTokenOf(binding, answer)));
    }
    if (!response.headersSent && options.isResumed && format === EVENTS)
      response.writeHead(204, options.headers()).end();
    else {
      begin();
      writer.end(format.end);
    }
  } catch (error) {
    if (!response.headersSent) throw error;
    writer.end(format.error(options.statusJson(error)));
  } finally {
    clearInterval(heartbeat);
  }
  return response.statusCode;
}
