/** The admin port over plain HTTP: /livez, /readyz and /metrics for probes and scrapers, /collect-garbage for who looks for a leak. */
import { createServer, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { listenAt } from "./rpc/listen.ts";
import { GarbageCollection } from "./telemetry/garbage-collection.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";

/** Prometheus's text format. */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A running admin port. */
export interface AdminServer {
  setReady(isReady: boolean): void;
  close(): Promise<void>;
}

const RETRY_MS = 50;

/**
 * Listens on "host:port"; rejects when the port is taken, or with `takesOver` waits in the background until the process that has it
 * ends.
 */
export async function startAdmin(
  address: string,
  telemetry: Telemetry,
  { takesOver = false }: { readonly takesOver?: boolean } = {},
): Promise<AdminServer> {
  let isReady = false;
  const garbage = new GarbageCollection();
  const server = createServer((request, response) => {
    const path = request.url?.split("?", 1)[0];
    if (path === "/metrics") {
      const failed = () => response.writeHead(500).end("metrics cannot be collected\n");
      telemetry
        .metricsText()
        .then((text) => response.writeHead(200, { "content-type": METRICS_TYPE }).end(text), failed);
      return;
    }
    if (path === "/collect-garbage" && request.method === "POST") {
      const failed = () => response.writeHead(500).end("garbage cannot be collected\n");
      garbage.collect().then((done) => response.writeHead(200).end(done ? "collected\n" : "just collected\n"), failed);
      return;
    }
    const known = path === "/livez" || path === "/readyz";
    const ok = path === "/livez" || (path === "/readyz" && isReady);
    response.writeHead(ok ? 200 : known ? 503 : 404, { "content-type": "text/plain" });
    response.end(ok ? "ok\n" : known ? "not ready\n" : "not found: try /livez, /readyz or /metrics\n");
  });
  let isClosed = false;
  const begin = () => listenAt(address, (at) => listen(server, at), { takesOver });
  const beginWhenFree = async () => {
    while (!isClosed) {
      try {
        return await begin();
      } catch (error) {
        if (!isTaken(error)) throw error;
        await sleep(RETRY_MS);
      }
    }
    return undefined;
  };
  const listening = takesOver ? beginWhenFree() : begin();
  if (takesOver)
    listening.catch(() => {}); // said when it closes, and seen by whoever probes it
  else await listening;
  return {
    setReady: (ready) => {
      isReady = ready;
    },
    async close() {
      isClosed = true;
      const unlist = await listening.catch(() => undefined);
      if (!unlist) return;
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await unlist();
    },
  };
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
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
