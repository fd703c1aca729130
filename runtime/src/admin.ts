/** The admin port: /livez, /readyz and /metrics over plain HTTP, for probes and scrapers. */
import { createServer, type Server } from "node:http";
import { listenAt } from "./rpc/listen.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

/** Prometheus's text format. */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A running admin port. */
export interface AdminServer {
  setReady(isReady: boolean): void;
  close(): Promise<void>;
}

/** Listens on "host:port"; rejects when the port is taken. */
export async function startAdmin(address: string, telemetry: Telemetry): Promise<AdminServer> {
  let isReady = false;
  const server = createServer((request, response) => {
    const path = request.url?.split("?", 1)[0];
    if (path === "/metrics") {
      const failed = () => response.writeHead(500).end("metrics cannot be collected\n");
      telemetry
        .metricsText()
        .then((text) => response.writeHead(200, { "content-type": METRICS_TYPE }).end(text), failed);
      return;
    }
    const known = path === "/livez" || path === "/readyz";
    const ok = path === "/livez" || (path === "/readyz" && isReady);
    response.writeHead(ok ? 200 : known ? 503 : 404, { "content-type": "text/plain" });
    response.end(ok ? "ok\n" : known ? "not ready\n" : "not found: try /livez, /readyz or /metrics\n");
  });
  await listenAt(address, () => listen(server, address));
  return {
    setReady: (ready) => {
      isReady = ready;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, address: string): Promise<void> {
  const separator = address.lastIndexOf(":");
  const where = address.startsWith("unix:")
    ? { path: address.slice("unix:".length) }
    : { host: address.slice(0, separator), port: Number(address.slice(separator + 1)) };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, resolve);
  });
}
