/** The edge's life: configuration, servers, drain on SIGTERM. It serves HTTP, which runtime's own lifecycle does not. */
import { startAdmin } from "@row/runtime/admin.ts";
import { TokenVerifier } from "@row/runtime/auth.ts";
import { GrpcChannel } from "@row/runtime/client.ts";
import { ConfigError, parseEnv } from "@row/runtime/config.ts";
import { keySetFrom } from "@row/runtime/key-set.ts";
import { createLogger } from "@row/runtime/logger.ts";
import { startTelemetry } from "@row/runtime/telemetry.ts";
import { processVariables } from "@row/runtime/variables.ts";
import { serviceVariables, variables } from "./config.ts";
import { Edge } from "./edge.ts";

/** After this a stop that hangs is cut off. */
const STOP_MS = 9_000;

/** Runs the edge until SIGTERM or SIGINT, and exits: 0 after a clean drain, 1 with one clear line otherwise. */
export async function runEdge(): Promise<void> {
  try {
    await start();
  } catch (error) {
    process.stderr.write(`edge: ${explain(error)}\n`);
    process.exit(1);
  }
}

async function start(): Promise<void> {
  // One parse of all, so that one error lists every bad variable.
  const config = parseEnv({ ...processVariables, ...variables });
  const addresses = Object.entries(parseEnv(serviceVariables));
  const services = new Map(addresses.flatMap(([service, address]) => (address ? [[service, address] as const] : [])));
  const { version, instance = `edge-${version}-1` } = config;
  const names = { version, instance };
  const log = createLogger({ service: "edge", ...names }, config.logLevel);
  const sampleRatio = config.tracePercent / 100;
  const telemetry = startTelemetry({ name: "edge", ...names, endpoint: config.otlpEndpoint, sampleRatio });
  const admin = await startAdmin(config.adminAddress, telemetry);
  const claimsIdentity = config.mesh === "off";
  const auth = new GrpcChannel({ name: "edge", telemetry, claimsIdentity }, config.authAddress);
  const verifier = new TokenVerifier(keySetFrom(auth));
  const surroundings = { log, telemetry, servedBy: `edge/${version}/${instance}`, verifier };
  const edge = await Edge.create({ surroundings, services, claimsIdentity, corsOrigins: config.corsOrigins });

  stopOnSignal(log, async () => {
    admin.setReady(false);
    await edge.drain();
    auth.close();
    await telemetry.stop();
    await admin.close();
  });
  await edge.listen(config.listenAddress, config.grpcListenAddress);
  admin.setReady(true);
  log.info({ listen: config.listenAddress, grpc: config.grpcListenAddress, services: [...services.keys()] }, "ready");
}

function stopOnSignal(log: ReturnType<typeof createLogger>, stop: () => Promise<void>): void {
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) return;
    isStopping = true;
    log.info({ signal }, "stopping");
    setTimeout(() => {
      log.error("the stop took too long and is cut off");
      process.exit(1);
    }, STOP_MS).unref();
    stop().then(
      () => {
        log.info("stopped");
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, "the stop failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof ConfigError || error.message.startsWith("Cannot ")) return error.message;
  if ("code" in error && error.code === "EADDRINUSE") return `Cannot listen: ${error.message}`;
  return error.stack ?? error.message;
}
