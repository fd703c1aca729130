import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { readConfig } from "./config.ts";
import { Gateway } from "./gateway.ts";
import { type HttpContext, handle, reply } from "./http.ts";

const drainMs = 8_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const draining = new AbortController();
  let door: HttpContext | undefined;

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => serve(request, response));

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const ready = door !== undefined && !draining.signal.aborted;
    if (draining.signal.aborted) response.setHeader("connection", "close");
    if (request.url === "/livez") reply(response, 200, { status: "alive" });
    else if (request.url === "/readyz") reply(response, ready ? 200 : 503, { status: ready ? "ready" : "not ready" });
    else if (door !== undefined) void handle(door, request, response);
    else reply(response, 503, { error: { code: "unavailable", message: "Cannot answer: starting" } });
  }

  // The port is the lock on the log: it is taken before a byte of the log is touched.
  server.listen(config.port, config.host);
  await once(server, "listening");
  const gateway = await Gateway.open(config.dataDir, fail);
  door = { gateway, slowAnswerMs: config.slowAnswerMs, draining: draining.signal };
  console.log(JSON.stringify({ level: "info", msg: "ready", address: `${config.host}:${config.port}` }));

  async function drain(): Promise<void> {
    if (draining.signal.aborted) return;
    draining.abort();
    setTimeout(() => server.closeAllConnections(), drainMs).unref();
    const closed = once(server, "close");
    server.close();
    // A kept-alive connection turns idle once its answer is given, and would hold the server open.
    const sweep = setInterval(() => server.closeIdleConnections(), 20);
    await closed;
    clearInterval(sweep);
    await gateway.close();
    process.exit(0);
  }
  process.on("SIGTERM", () => void drain());
  process.on("SIGINT", () => void drain());
}

function fail(error: Error): void {
  console.error(JSON.stringify({ level: "fatal", msg: `Card gateway cannot go on: ${error.message}` }));
  process.exit(1);
}

main().catch(fail);
