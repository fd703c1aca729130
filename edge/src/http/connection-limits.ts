/** How many connections clients may have, and how long one may stay without use: idle, with a request half sent, or with an answer unread. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";

/** Connections at once, where no sidecar counts them. */
export const MAX_CONNECTIONS = 3_000;

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

/**
 * Ends connections of HTTP/1.1 on which nothing moved for `ms` milliseconds while an answer waits to be read. One that serves a quiet
 * stream stays; one that serves nothing has been idle for Node's own, longer time by then.
 */
export function limitHttp1(server: Server, ms: number): void {
  const served = new WeakMap<Socket, number>();
  const count = (socket: Socket, more: number) => served.set(socket, (served.get(socket) ?? 0) + more);
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    count(socket, 1);
    response.once("close", () => count(socket, -1));
  });
  server.setTimeout(ms, (socket) => {
    const isQuiet = (served.get(socket) ?? 0) > 0 && socket.writableLength === 0;
    if (!isQuiet) socket.destroy();
  });
}

/**
 * Closes connections beyond so many of all servers together, and of one address beyond half of them: somebody is always left room.
 * Those of a unix socket have no address; whoever owns it counts for itself.
 */
export function limitConnections(servers: readonly (Server | Http2Server)[], most: number): void {
  const byAddress = new Map<string, number>();
  let total = 0;
  const take = (socket: Socket) => {
    const { remoteAddress: address } = socket;
    if (address === undefined) return;
    const ofAddress = byAddress.get(address) ?? 0;
    if (total >= most || ofAddress >= most / 2) {
      socket.destroy();
      return;
    }
    total += 1;
    byAddress.set(address, ofAddress + 1);
    socket.once("close", () => {
      total -= 1;
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left > 0) byAddress.set(address, left);
      else byAddress.delete(address);
    });
  };
  for (const server of servers) server.prependListener("connection", take);
}

function endUnused(session: ServerHttp2Session, streams: ReadonlySet<ServerHttp2Stream>): void {
  const isQuiet = (stream: ServerHttp2Stream) => stream.readableEnded && stream.writableLength === 0;
  if (streams.size === 0) session.close();
  else if (![...streams].every(isQuiet)) session.destroy();
}
