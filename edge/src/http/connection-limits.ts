/** How long a client's connection of HTTP/2 may stay without use: idle, with a request half sent, or with an answer that it does not read. */
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";

/** Most streams on one connection of HTTP/2: what one client can have served at once. */
export const MOST_STREAMS = 100;

/** Ends connections of HTTP/2 that nothing moved on for `ms` milliseconds, unless they serve quiet streams; and requests that take longer to come. */
export function limitHttp2(server: Http2Server, ms: number): void {
  server.on("session", (session) => {
    const streams = new Set<ServerHttp2Stream>();
    session.on("stream", (stream: ServerHttp2Stream) => {
      streams.add(stream);
      const timer = setTimeout(() => {
        if (!stream.readableEnded) stream.destroy();
      }, ms).unref();
      stream.once("close", () => {
        streams.delete(stream);
        clearTimeout(timer);
      });
    });
    session.setTimeout(ms, () => endUnused(session, streams));
  });
}

function endUnused(session: ServerHttp2Session, streams: ReadonlySet<ServerHttp2Stream>): void {
  const isQuiet = (stream: ServerHttp2Stream) => stream.readableEnded && stream.writableLength === 0;
  if (streams.size === 0) session.close();
  else if (![...streams].every(isQuiet)) session.destroy();
}
