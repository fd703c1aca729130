/** One event of a text/event-stream. */
export interface ServerSentEvent {
  id?: string;
  event?: string;
  data: string;
}

/** Reads events as a browser's EventSource would, comments left out. */
export async function* readEvents(response: Response): AsyncGenerator<ServerSentEvent> {
  for await (const block of blocks(response, "\n\n")) {
    const event: ServerSentEvent = { data: "" };
    for (const line of block.split("\n")) {
      const [, name = "", value = ""] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
      if (name === "id") event.id = value;
      if (name === "event") event.event = value;
      if (name === "data") event.data += value;
    }
    if (event.data) yield event;
  }
}

/** Reads JSON lines. */
export async function* readLines(response: Response): AsyncGenerator<string> {
  for await (const line of blocks(response, "\n")) if (line) yield line;
}

async function* blocks(response: Response, separator: string): AsyncGenerator<string> {
  let text = "";
  if (!response.body) return;
  // Leaving the loop early cancels the body, which ends the request.
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf(separator); end >= 0; end = text.indexOf(separator)) {
      yield text.slice(0, end);
      text = text.slice(end + separator.length);
    }
  }
}
