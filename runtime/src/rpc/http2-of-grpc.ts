/** The HTTP/2 servers below a grpc.Server, which grpc-js 1.14.7 keeps to itself. */
import type { Http2Server } from "node:http2";
import type { Server } from "@grpc/grpc-js";

/** Has `prepare` see each HTTP/2 server that is made, before it listens. Throws for a grpc-js that makes them in another way. */
export function prepareHttp2(server: Server, prepare: (http2: Http2Server) => void): void {
  const make: unknown = Reflect.get(server, "createHttp2Server");
  if (typeof make !== "function") throw new Error("Cannot prepare HTTP/2: this grpc-js has no createHttp2Server");
  const prepared = (...parameters: unknown[]) => {
    const http2: Http2Server = make.apply(server, parameters);
    prepare(http2);
    return http2;
  };
  Reflect.set(server, "createHttp2Server", prepared);
}
