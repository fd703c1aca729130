/** What a service's composition root is given to build with. */
import type { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import type { parseEnv, Variable } from "./config.ts";
import type { Relay } from "./events/relay.ts";
import type { Consumption } from "./events/subscribe.ts";
import type { FetchKeySet, TokenVerifier } from "./rpc/auth.ts";
import type { PromiseClient } from "./rpc/client.ts";
import type { Handlers } from "./rpc/handler.ts";
import type { ServiceConfigFile } from "./rpc/retry-config.ts";
import type { ServiceDefinition } from "./rpc/server.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import type { processVariables } from "./variables.ts";

/** The variables of a service. */
export type Spec = Record<string, Variable<unknown>>;
/** The parsed variables of every process. */
export type ProcessConfig = ReturnType<typeof parseEnv<typeof processVariables>>;
/** The parsed variables of every process and of the service. */
export type ConfigOf<S extends Spec> = ReturnType<typeof parseEnv<typeof processVariables & S>>;

/** Something that works in the background and must stop before the process drains. */
export interface Background {
  /** Is waited for up to four seconds. */
  stop(): Promise<void>;
}

/** A generated PrismaClient. */
export type PrismaClientClass<C> = new (options: { adapter: PrismaPg }) => C;

/** What answers the calls of a process: the gRPC server, or another. */
export interface ProcessServer {
  /** Resolves when calls are accepted. */
  listen(): Promise<void>;
  /** Tells health checks whether to send calls here. */
  setServing?(isServing: boolean): void;
  /** Takes nothing new and lets calls in flight end within `ms` milliseconds. */
  drain(ms: number): Promise<void>;
}

/** What a service is built with. */
export interface Host<S extends Spec> {
  readonly config: ConfigOf<S>;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** "orders/v1/orders-v1-1": who serves, publishes and leases. */
  readonly servedBy: string;
  /** The database, once it answers. Needs databaseVariables. */
  database(): Promise<pg.Pool>;
  /**
   * A Prisma client for ordinary queries, on the same connections. Its query compiler takes memory and time, so it is
   * loaded with the first query unless `preload` says at once. Needs databaseVariables.
   */
  prisma<C extends { $connect(): Promise<void> }>(
    Client: PrismaClientClass<C>,
    options?: { readonly preload?: boolean },
  ): Promise<C>;
  /** Starts the outbox relay of the database, which publishes what is written there. Needs databaseVariables and eventVariables. */
  relay(pool: pg.Pool): Promise<Relay>;
  /** Whether this process states its identity itself, for want of a sidecar that proves it. */
  readonly claimsIdentity: boolean;
  /** Which calls to others are tried again; undefined where SERVICE_CONFIG_FILE is not set. */
  readonly serviceConfig: ServiceConfigFile | undefined;
  /** A client of another service, at the address that the variable of its name holds: CATALOG_ADDRESS. */
  client<D extends ServiceDefinition>(definition: D): PromiseClient<D>;
  /** Adds a service to this process's server. */
  serve<D extends ServiceDefinition>(definition: D, handlers: Handlers<D>): void;
  /** Answers calls with this instead of a gRPC server. */
  serveWith(server: ProcessServer): void;
  /** Verifies end users' tokens; undefined for a service that answers none. */
  verifier(): TokenVerifier | undefined;
  /** Verifies tokens with these keys instead of asking auth. */
  verifyTokensWith(fetchKeySet: FetchKeySet): void;
  /** Handles an event; its consumer must exist. */
  consume<T>(consumption: Consumption<T>): Promise<void>;
  /** Stops `work` before the calls are drained. */
  background(work: Background): void;
  /** Runs `close` after everything else has ended. */
  onClose(close: () => Promise<void> | void): void;
}
