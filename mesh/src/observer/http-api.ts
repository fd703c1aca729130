import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Logger } from "@row/runtime/telemetry/logger.ts";
import type { Loopback } from "./config.ts";
import { edgesOf } from "./edges.ts";
import { renderMetrics } from "./metrics.ts";
import { WINDOW_SECONDS } from "./recent-calls.ts";
import type { RequestLines } from "./request-lines.ts";
import type { Sidecars } from "./sidecars.ts";
import { quantilesOf, statOf } from "./stat.ts";
import type { Taps } from "./tap.ts";
import { BadBody, encodingOf, readSpans } from "./traces/otlp-body.ts";
import type { Traces } from "./traces/traces.ts";
import { answerWatches } from "./watch-api.ts";
import type { Watches } from "./watches.ts";

/** What the HTTP port shows. */
export interface Observed {
  readonly lines: RequestLines;
  readonly sidecars: Sidecars;
  readonly taps: Taps;
  readonly traces: Traces;
  readonly watches: Watches;
  readonly log: Logger;
}

const PATHS = "/metrics, /stat, /edges, /quantiles, /tap, /traces, /traces/<id>, /v1/traces, /watches, /watches/<id>";

/** Listens on the HTTP address; rejects when the port is taken. */
export function serveHttp({ host, port }: Loopback, observed: Observed): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request, response, observed).catch((error) => {
      observed.log.error({ path: request.url, error: String(error) }, "cannot answer");
      if (!response.headersSent) sendJson(response, 500, { message: "Cannot answer: see the observer's log" });
      else response.destroy();
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(server));
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, observed: Observed): Promise<void> {
  const url = new URL(request.url ?? "/", "http://observer");
  const path = url.pathname;
  const service = url.searchParams.get("service") ?? "";
  if (request.method === "POST" && path === "/v1/traces") return takeSpans(request, response, observed.traces);
  if (request.method === "POST" && path === "/v1/metrics") return dropMetrics(request, response);
  if (path === "/watches" || path.startsWith("/watches/")) {
    request.resume();
    const { status, body } = answerWatches(request.method ?? "", url, observed.watches, linesLost(observed));
    return sendJson(response, status, body);
  }
  if (request.method !== "GET") return sendJson(response, 405, { message: `Cannot ${request.method} ${path}` });
  if (path === "/livez" || path === "/readyz") return send(response, 200, "text/plain", "ok\n");
  if (path === "/metrics") {
    return send(response, 200, "text/plain; version=0.0.4", renderMetrics(observed.lines, observed.sidecars));
  }
  if (path === "/stat") {
    const windowSeconds = Number(url.searchParams.get("window") ?? WINDOW_SECONDS);
    if (!(windowSeconds > 0)) return sendJson(response, 400, { message: "Cannot look back: window is in seconds" });
    return sendJson(
      response,
      200,
      statOf(observed.lines.edges(), performance.now(), linesLost(observed), { service, windowSeconds }),
    );
  }
  if (path === "/quantiles") {
    const backend = url.searchParams.get("backend") ?? "";
    const windowSeconds = Number(url.searchParams.get("window") ?? WINDOW_SECONDS);
    const shares = url.searchParams.getAll("share").map(Number);
    const isWrong = !(windowSeconds > 0) || shares.some((share) => !(share > 0 && share <= 1));
    if (isWrong) return sendJson(response, 400, { message: "Cannot tell: window is in seconds, share from 0 to 1" });
    return sendJson(
      response,
      200,
      quantilesOf(observed.lines.edges(), performance.now(), { backend, windowSeconds, shares }),
    );
  }
  if (path === "/edges") {
    return sendJson(response, 200, edgesOf(observed.lines.edges(), observed.sidecars.identities(), service));
  }
  if (path === "/tap") {
    if (observed.taps.open(response, service)) return;
    return sendJson(response, 503, { message: "Cannot show requests: too many look already" });
  }
  if (path === "/traces") return sendJson(response, 200, observed.traces.lists(service));
  if (path.startsWith("/traces/")) {
    const id = path.slice("/traces/".length).toLowerCase();
    const trace = observed.traces.find(id);
    if (trace) return sendJson(response, 200, trace);
    return sendJson(response, 404, { message: `Cannot show trace ${id}: no one trace that is kept starts so` });
  }
  sendJson(response, 404, { message: `Cannot answer ${path}: there are ${PATHS}` });
}

/** Since the observer runs. */
function linesLost({ sidecars }: Observed): number {
  return [...sidecars.all()].reduce((total, { reconciliation }) => total + reconciliation.lost, 0);
}

async function takeSpans(request: IncomingMessage, response: ServerResponse, traces: Traces): Promise<void> {
  try {
    const encoding = encodingOf(request);
    traces.add(await readSpans(request, encoding));
    if (encoding === "json") sendJson(response, 200, {});
    else send(response, 200, "application/x-protobuf", "");
  } catch (error) {
    if (!(error instanceof BadBody)) throw error;
    // What was not read must not be taken for the next request.
    response.shouldKeepAlive = false;
    sendJson(response, error.httpStatus, { message: error.message });
  }
}

/** Metrics are scraped from each process; that exporters send them here too is no error. */
function dropMetrics(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const isJson = request.headers["content-type"]?.startsWith("application/json");
  request.once("end", () =>
    send(response, 200, isJson ? "application/json" : "application/x-protobuf", isJson ? "{}" : ""),
  );
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, "application/json", JSON.stringify(body));
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) }).end(body);
}
