/** The environment variables that many processes share; a service spreads those it needs into its own. */

import { address, integer, oneOf, optional, text, url } from "./config.ts";
import { FIRST_VERSION } from "./names.ts";

/** Every process has these. */
export const processVariables = {
  version: text("SERVICE_VERSION", FIRST_VERSION),
  instance: optional(text("INSTANCE")),
  listenAddress: address("LISTEN_ADDRESS"),
  adminAddress: address("ADMIN_ADDRESS"),
  logLevel: oneOf("LOG_LEVEL", ["trace", "debug", "info", "warn", "error", "fatal", "silent"], "info"),
  otlpEndpoint: optional(url("OTEL_EXPORTER_OTLP_ENDPOINT", ["http", "https"])),
  /** Traces that start here to export each second; what fails or takes long is exported anyway. */
  tracesPerSecond: integer("TRACES_PER_SECOND", { min: 0, max: 100_000 }, 10),
  /** "off": no sidecar speaks for this process, so it states its identity itself. */
  mesh: oneOf("MESH", ["on", "off"], "off"),
  /** A gRPC service config for the calls to others, followed while the process runs; without it nothing is retried. */
  serviceConfigFile: optional(text("SERVICE_CONFIG_FILE")),
  /** A file that says how to misbehave, followed while the process runs; without it nothing can be injected. */
  behaviourFile: optional(text("BEHAVIOUR_FILE")),
  /** "yes": a process like this one listens at the same addresses, and ends once this one does. */
  takesOver: oneOf("TAKES_OVER", ["yes", "no"], "no"),
  maxConcurrentCalls: integer("MAX_CONCURRENT_CALLS", { min: 1, max: 100_000 }, 1_000),
  maxConcurrentStreams: integer("MAX_CONCURRENT_STREAMS", { min: 1, max: 100_000 }, 1_000),
  maxStreamsPerUser: integer("MAX_STREAMS_PER_USER", { min: 1, max: 100_000 }, 20),
};

/** For services that own a database. */
export const databaseVariables = {
  databaseUrl: url("DATABASE_URL", ["postgres", "postgresql"]),
  databasePoolSize: integer("DATABASE_POOL_SIZE", { min: 1, max: 50 }, 5),
};

/** For services that publish or consume events. */
export const eventVariables = {
  natsUrl: url("NATS_URL", ["nats", "tls"]),
  natsUser: text("NATS_USER"),
  natsPassword: text("NATS_PASSWORD"),
};

/** For services that answer end users. */
export const endUserVariables = { authAddress: address("AUTH_ADDRESS") };
