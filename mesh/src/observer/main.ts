// Watches the mesh: counts and shows requests, keeps traces, takes failing endpoints out.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createLogger } from "@row/runtime/telemetry/logger.ts";
import { CircuitBreakers } from "./circuit-breakers.ts";
import { observerConfig } from "./config.ts";
import { ENDPOINTS_OUT_FILE } from "./endpoints-out.ts";
import { serveHttp } from "./http-api.ts";
import { receiveLines } from "./line-receiver.ts";
import { INBOUND } from "./refusals.ts";
import { OUTBOUND, RequestLines } from "./request-lines.ts";
import { Sidecars } from "./sidecars.ts";
import { followSidecars } from "./sidecars-file.ts";
import { Taps } from "./tap.ts";
import { sampledTraceId } from "./traces/hops.ts";
import { Traces } from "./traces/traces.ts";
import { Watches } from "./watches.ts";

try {
  await observe();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function observe(): Promise<void> {
  const config = observerConfig(process.env);
  const log = createLogger({ service: "observer" }, process.env.LOG_LEVEL);
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });

  const sidecars = new Sidecars(log);
  const breakers = new CircuitBreakers(sidecars, join(config.dataDir, ENDPOINTS_OUT_FILE), log);
  const taps = new Taps(sidecars);
  const traces = new Traces(config.dataDir, sidecars);
  const watches = new Watches();
  const lines = new RequestLines({
    pod: (instance) => sidecars.pod(instance),
    health: (pod, service, endpoint) => breakers.health(pod, service, endpoint),
    tripped: (health) => breakers.tripped(health),
    outbound(fields, target, failed) {
      taps.outbound(fields, target);
      watches.record(fields, target);
      const traceId = sampledTraceId(fields, OUTBOUND);
      if (traceId) traces.addHop(traceId, fields.bytes, failed);
    },
    inbound(fields, refused) {
      if (refused) taps.inbound(fields);
      const traceId = sampledTraceId(fields, INBOUND);
      if (traceId) traces.addHop(traceId, fields.bytes, false);
    },
  });

  const receiver = await receiveLines(config.log, (bytes, second) => lines.take(bytes, second));
  const server = await serveHttp(config.http, { lines, sidecars, taps, traces, watches, log });
  const unfollow = followSidecars(
    config.sidecarsFile,
    (file) => {
      sidecars.follow(file);
      breakers.follow(file);
    },
    (reason) => log.warn(reason),
  );
  const sweep = setInterval(() => {
    lines.dropIdle(Math.floor(performance.now() / 1_000));
    watches.dropForgotten(performance.now());
  }, 60_000);
  const { bufferBytes, wantedBytes } = receiver;
  log.info({ bufferBytes, log: config.log.port, http: config.http.port }, "observes the mesh");
  if (bufferBytes < wantedBytes) log.info({ bufferBytes, wantedBytes }, "net.core.rmem_max keeps the buffer small");

  const stop = async () => {
    clearInterval(sweep);
    unfollow();
    taps.close();
    server.close();
    server.closeIdleConnections();
    await receiver.close();
    await breakers.stop();
    sidecars.stop();
    traces.close();
    server.closeAllConnections();
  };
  let stopping: Promise<void> | undefined;
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => (stopping ??= stop()));
}
