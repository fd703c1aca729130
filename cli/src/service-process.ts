import { connect } from "node:net";
import { join } from "node:path";
import { healthy } from "./infra/nats.ts";
import { storePorts } from "./infra/ports.ts";
import { postgresSocketUrl } from "./infra/postgres.ts";
import { type Installation, realPort } from "./installation.ts";
import type { Secrets } from "./secrets.ts";
import type { ServiceManifest } from "./service-manifest.ts";
import { logFile } from "./state-dir.ts";
import type { ProcessSpec } from "./supervisor/supervised-process.ts";

/** Settings of one's own, on top of what a service gets anyway: for every service, and for some by name. */
export interface Settings {
  env?: Record<string, string>;
  envOf?: Record<string, Record<string, string>>;
  /** For tests that kill the same service again and again: the longest wait before it is started anew. */
  longestBackoffMs?: number;
}

const VERSION = "v1";

export function instanceOf(service: ServiceManifest): string {
  return `${service.name}-${VERSION}-1`;
}

/** How to run one service on a laptop. */
export function serviceProcess(
  service: ServiceManifest,
  services: ServiceManifest[],
  installation: Installation,
  secrets: Secrets,
  settings: Settings = {},
): ProcessSpec {
  const name = instanceOf(service);
  const env = serviceEnvironment(service, services, installation, secrets, settings);
  const port = realPort(installation, service.port);
  const admin = env.ADMIN_ADDRESS;
  return {
    name,
    service: service.name,
    version: VERSION,
    command: process.execPath,
    // A small young generation saves 20 MB a process; an even smaller one would collect all the time.
    args: ["--max-semi-space-size=8", "src/main.ts"],
    cwd: service.folder,
    env,
    addresses: addressesOf(service, installation),
    logFile: logFile(installation.stateDir, name),
    longestBackoffMs: settings.longestBackoffMs,
    isReady: () => (admin ? healthy(`http://${admin}/readyz`) : accepts(port)),
  };
}

/** Every variable a service is started with; its seed and its maintenance commands get the same. */
export function serviceEnvironment(
  service: ServiceManifest,
  services: ServiceManifest[],
  installation: Installation,
  secrets: Secrets,
  { env, envOf }: Settings = {},
): Record<string, string> {
  const ports = storePorts(installation);
  const at = (declared: number) => `127.0.0.1:${realPort(installation, declared)}`;
  const own: Record<string, string> = {
    ...inherited(),
    NODE_ENV: "production",
    TZ: "UTC",
    LOG_LEVEL: "info",
    SERVICE_VERSION: VERSION,
    INSTANCE: instanceOf(service),
    LISTEN_ADDRESS: at(service.port),
  };
  if (service.adminPort) own.ADMIN_ADDRESS = at(service.adminPort);
  if (service.grpcPort) own.GRPC_LISTEN_ADDRESS = at(service.grpcPort);
  if (service.postgres) own.DATABASE_URL = postgresSocketUrl(service.name, secrets, ports.postgres, installation.stateDir);
  if (service.outside) own.DATA_DIR = join(installation.stateDir, service.name);
  else {
    own.NATS_URL = `nats://127.0.0.1:${ports.nats}`;
    own.NATS_USER = service.name;
    own.NATS_PASSWORD = secrets.get(`nats/${service.name}`);
    for (const callee of calleesOf(service, services)) Object.assign(own, calleeAddress(callee, at(callee.port)));
  }
  for (const name of service.secrets) own[name] = secrets.get(`env/${name}`);
  return { ...own, ...service.env, ...env, ...envOf?.[service.name] };
}

// Whoever answers end users verifies their tokens against auth's keys, so auth is everybody's callee.
function calleesOf(service: ServiceManifest, services: ServiceManifest[]): ServiceManifest[] {
  return services.filter(({ name }) => name !== service.name && (name === "auth" || service.calls.includes(name)));
}

function calleeAddress(callee: ServiceManifest, address: string): Record<string, string> {
  const prefix = callee.name.toUpperCase().replaceAll("-", "_");
  return callee.outside ? { [`${prefix}_URL`]: `http://${address}` } : { [`${prefix}_ADDRESS`]: address };
}

function addressesOf(service: ServiceManifest, installation: Installation): Record<string, string> {
  const at = (declared: number) => `127.0.0.1:${realPort(installation, declared)}`;
  const speaksHttp = service.outside || service.grpcPort !== undefined;
  return {
    [speaksHttp ? "http" : "grpc"]: at(service.port),
    ...(service.grpcPort ? { grpc: at(service.grpcPort) } : {}),
    ...(service.adminPort ? { admin: at(service.adminPort) } : {}),
  };
}

// A service sees what it is given, not whatever happens to be set in the terminal it was started from.
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "LANG", "TMPDIR", "OTEL_EXPORTER_OTLP_ENDPOINT", "NODE_EXTRA_CA_CERTS"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 1_000 });
    socket.once("connect", () => socket.destroy() && resolve(true));
    socket.once("timeout", () => socket.destroy());
    socket.once("close", () => resolve(false));
    socket.once("error", () => resolve(false));
  });
}
