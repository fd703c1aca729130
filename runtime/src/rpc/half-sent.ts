/** Requests that do not come whole: no handler has them yet, so no deadline of ours ends them. */
import { constants, type Http2Server, type ServerHttp2Stream } from "node:http2";

/** Resets streams whose request has not come whole within `ms` milliseconds; the connection and its other streams go on. */
export function endHalfSent(http2: Http2Server, ms: number): void {
  http2.on("stream", (stream: ServerHttp2Stream) => {
    const timer = setTimeout(() => {
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_CANCEL);
    }, ms).unref();
    stream.once("close", () => clearTimeout(timer));
  });
}
