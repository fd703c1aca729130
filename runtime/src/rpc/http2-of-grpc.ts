/** The HTTP/2 servers below a grpc.Server, which grpc-js 1.14.7 keeps to itself. */
import type { Http2Server, ServerOptions } from "node:http2";
import type { Server } from "@grpc/grpc-js";

/** Makes HTTP/2 servers with these options too, and has `prepare` see each before it listens. Throws for a grpc-js that makes them in another way. */
export function prepareHttp2(server: Server, options: ServerOptions, prepare: (http2: Http2Server) => void): void {
  const make: unknown = Reflect.get(server, "createHttp2Server");
  const given: unknown = Reflect.get(server, "commonServerOptions");
  if (typeof make !== "function" || typeof given !== "object" || given === null) {
    throw new Error("Cannot prepare HTTP/2: this grpc-js makes its servers in another way than 1.14.7");
  }
  Object.assign(given, options);
  const prepared = (...parameters: unknown[]) => {
    const http2: Http2Server = make.apply(server, parameters);
    prepare(http2);
    return http2;
  };
  Reflect.set(server, "createHttp2Server", prepared);
}
