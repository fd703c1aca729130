/** Requests that do not come whole: no handler has them yet, so no deadline of ours ends them. */
import { constants, type Http2Server, type ServerHttp2Stream } from "node:http2";

/** Resets streams whose request has not come whole within `ms` milliseconds; the connection and its other streams go on. */
export function endHalfSent(http2: Http2Server, ms: number): void {
  /** Open streams by when they began, oldest first: one timer for all costs a call less than one of its own. */
  const open = new Map<ServerHttp2Stream, number>();
  let isTimed = false;
  const lookIn = (remainingMs: number) => {
    isTimed = true;
    setTimeout(endOverdue, remainingMs).unref();
  };
  const endOverdue = () => {
    isTimed = false;
    for (const [stream, begunAt] of open) {
      const remainingMs = begunAt + ms - performance.now();
      if (remainingMs > 0) return lookIn(remainingMs);
      open.delete(stream);
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_CANCEL);
    }
  };
  http2.on("stream", (stream: ServerHttp2Stream) => {
    open.set(stream, performance.now());
    stream.on("close", () => open.delete(stream));
    if (!isTimed) lookIn(ms);
  });
}
