import { connect } from "node:net";
import { join } from "node:path";
import { FIRST_VERSION } from "@row/runtime/names.ts";
import { type Platform, serviceEnvironment } from "@row/topology/environment.ts";
import { isMeshed, portsOf, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { type Programs, serviceProgram } from "../bundle/programs.ts";
import { type Installation, realPort } from "../installation.ts";
import type { Secrets } from "../secrets.ts";
import { logFile } from "../state-dir.ts";
import { healthy } from "../stores/nats.ts";
import { storePorts } from "../stores/ports.ts";
import { postgresSocketUrl } from "../stores/postgres.ts";
import { redisUrl } from "../stores/redis.ts";
import type { ProcessSpec } from "../supervisor/supervised-process.ts";

/** Settings of one's own, on top of what a service gets anyway: for every service, and for some by name. */
export interface Settings {
  env?: Record<string, string>;
  envOf?: Record<string, Record<string, string>>;
  /** For tests that kill the same service again and again: the longest wait before it is started anew. */
  longestBackoffMs?: number;
}

/** Which instance of a service a process is, where it listens and where it finds others. */
export interface ProcessEndpoint {
  instance: string;
  version: string;
  /** What it offers to people on this machine, "127.0.0.1:5056" by kind. */
  addresses: Record<string, string>;
  /** Addresses as the service's variables have them: "127.0.0.1:5056" or "unix:/path". */
  listen: string;
  grpcListen?: string;
  admin?: string;
  addressOf(callee: ServiceManifest): string;
  /** What else a process there is told. */
  env?: Record<string, string>;
}

/** The one instance of a service that has no sidecar: it listens on the service's own ports. */
export function directEndpoint(service: ServiceManifest, installation: Installation): ProcessEndpoint {
  const at = (declared: number) => loopback(installation, declared);
  return {
    instance: `${service.name}-${FIRST_VERSION}-1`,
    version: FIRST_VERSION,
    addresses: addressesOf(service, installation),
    listen: at(service.port),
    grpcListen: service.kind === "gateway" ? at(service.grpcPort) : undefined,
    admin: isMeshed(service) ? at(service.adminPort) : undefined,
    addressOf: ({ port }) => at(port),
  };
}

/** How to run one instance of a service on a laptop. */
export function serviceProcess(
  service: ServiceManifest,
  services: ServiceManifest[],
  installation: Installation,
  secrets: Secrets,
  settings: Settings,
  programs: Programs,
  place = directEndpoint(service, installation),
): ProcessSpec {
  const { instance, version, addresses } = place;
  const env = processEnvironment(service, services, installation, secrets, settings, place);
  const admin = env.ADMIN_ADDRESS;
  const port = realPort(installation, service.port);
  return {
    name: instance,
    service: service.name,
    version,
    command: process.execPath,
    args: () => programs.argumentsFor(serviceProgram(service)),
    cwd: service.folder,
    env,
    addresses,
    logFile: logFile(installation.stateDir, instance),
    longestBackoffMs: settings.longestBackoffMs,
    isReady: () => (admin ? healthy(`http://${admin}/readyz`) : accepts(port)),
    // The kernel accepts connections for a process that stands still.
    ...(service.kind === "outside" && { isAlive: () => healthy(`http://127.0.0.1:${port}/livez`) }),
  };
}

/** Every variable a service is started with; its seed and its maintenance commands get the same. */
export function processEnvironment(
  service: ServiceManifest,
  services: ServiceManifest[],
  installation: Installation,
  secrets: Secrets,
  { env, envOf }: Settings = {},
  place = directEndpoint(service, installation),
): Record<string, string> {
  const process: Record<string, string> = {
    ...inherited(),
    NODE_ENV: "production",
    TZ: "UTC",
    LOG_LEVEL: "info",
    SERVICE_VERSION: place.version,
    INSTANCE: place.instance,
    LISTEN_ADDRESS: place.listen,
    ...(place.admin ? { ADMIN_ADDRESS: place.admin } : {}),
    ...(place.grpcListen ? { GRPC_LISTEN_ADDRESS: place.grpcListen } : {}),
    ...(service.kind === "outside" ? { DATA_DIR: join(installation.stateDir, service.name) } : {}),
    ...place.env,
  };
  const platform = laptopPlatform(installation, secrets, place);
  return { ...process, ...serviceEnvironment(service, services, platform), ...env, ...envOf?.[service.name] };
}

/** Where a laptop has what a service needs. */
function laptopPlatform(
  installation: Installation,
  secrets: Secrets,
  { addressOf }: Pick<ProcessEndpoint, "addressOf">,
): Platform<string> {
  const ports = storePorts(installation);
  return {
    addressOf,
    secret: (variable) => secrets.get(`env/${variable}`),
    store: {
      postgres: ({ name }) => postgresSocketUrl(name, secrets, ports.postgres, installation.stateDir),
      redis: ({ name }, use) => redisUrl(name, use, ports, secrets),
      natsUrl: `nats://127.0.0.1:${ports.nats}`,
      natsPassword: ({ name }) => secrets.get(`nats/${name}`),
      usesNats: () => true,
    },
  };
}

/** What the first instance of a service offers on its declared ports, itself or through its sidecar. */
export function addressesOf(service: ServiceManifest, installation: Installation): Record<string, string> {
  const at = (declared: number) => loopback(installation, declared);
  return Object.fromEntries(Object.entries(portsOf(service)).map(([kind, port]) => [kind, at(port)]));
}

function loopback(installation: Installation, declared: number): string {
  return `127.0.0.1:${realPort(installation, declared)}`;
}

// A service sees what it is given, not whatever happens to be set in the terminal it was started from.
function inherited(): Record<string, string> {
  const names = [
    ...["PATH", "HOME", "LANG", "TMPDIR"],
    ...["OTEL_EXPORTER_OTLP_ENDPOINT", "NODE_EXTRA_CA_CERTS", "NODE_COMPILE_CACHE"],
  ];
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
