/** The only process lifecycle: configuration, dependencies, listen, drain on SIGTERM. */
import type pg from "pg";
import { type AdminServer, startAdmin } from "./admin.ts";
import { runInBackground } from "./call.ts";
import { ConfigError, parseEnv } from "./config.ts";
import { createPool, waitForPostgres } from "./database/postgres.ts";
import { ConsumerMetrics } from "./events/consumer-metrics.ts";
import { connectNats, type Nats } from "./events/nats.ts";
import { outboxBacklog, type Relay, startRelay } from "./events/relay.ts";
import { type Consumption, type Subscription, subscribe } from "./events/subscribe.ts";
import type { Background, ConfigOf, Host, ProcessConfig, ProcessServer, Spec } from "./host.ts";
import { type FetchKeySet, TokenVerifier } from "./rpc/auth.ts";
import { GrpcChannel } from "./rpc/client.ts";
import type { Handlers } from "./rpc/handler.ts";
import { keySetFrom } from "./rpc/key-set.ts";
import { ServiceConfigFile } from "./rpc/retry-config.ts";
import { GrpcServer, type ServiceDefinition } from "./rpc/server.ts";
import { STOP_MS, stopInTime } from "./stop-in-time.ts";
import { createLogger, type Logger } from "./telemetry/logger.ts";
import { SpanKind, startTelemetry, type Telemetry } from "./telemetry/telemetry.ts";
import { processVariables } from "./variables.ts";

/** Runs a service until SIGTERM or SIGINT, and exits: 0 after a clean drain, 1 with one clear line otherwise. */
export async function runService<S extends Spec>(options: {
  /** The folder's name. */
  name: string;
  /** The service's own variables. */
  variables: S;
  start(host: Host<S>): Promise<void>;
}): Promise<void> {
  try {
    await new Process(options.name, options.variables).run(options.start);
  } catch (error) {
    fail(options.name, error);
  }
}

function fail(name: string, error: unknown): never {
  const isOurs = error instanceof ConfigError || (error instanceof Error && /^Cannot /.test(error.message));
  const message = error instanceof Error ? (isOurs ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`${name}: ${explain(error) ?? message}\n`);
  process.exit(1);
}

function explain(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  if (error.code === "EADDRINUSE") return `Cannot listen: ${error.message}`;
  return undefined;
}

class Process<S extends Spec> implements Host<S> {
  readonly config: ConfigOf<S>;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly servedBy: string;
  readonly claimsIdentity: boolean;
  readonly serviceConfig: ServiceConfigFile | undefined;
  readonly #name: string;
  readonly #process: ProcessConfig;
  readonly #services: [ServiceDefinition, Handlers<ServiceDefinition>][] = [];
  readonly #backgrounds: Background[] = [];
  readonly #subscriptions: Background[] = [];
  readonly #channels: GrpcChannel[] = [];
  readonly #closers: (() => Promise<void> | void)[] = [];
  #nats: Promise<Nats> | undefined;
  #consumerMetrics: ConsumerMetrics | undefined;
  #relay: Relay | undefined;
  #verifier: TokenVerifier | undefined;
  #server: ProcessServer | undefined;
  #stopping = false;

  constructor(name: string, variables: S) {
    this.#name = name;
    // One parse of both, so that one error lists every bad variable.
    const config = parseEnv({ ...processVariables, ...variables });
    this.config = config as unknown as ConfigOf<S>;
    this.#process = config as unknown as ProcessConfig;
    const { version, instance = `${name}-${version}-1`, logLevel, otlpEndpoint, tracesPerSecond } = this.#process;
    this.claimsIdentity = this.#process.mesh === "off";
    this.servedBy = `${name}/${version}/${instance}`;
    this.log = createLogger({ service: name, version, instance }, logLevel);
    const { serviceConfigFile } = this.#process;
    this.serviceConfig = serviceConfigFile ? new ServiceConfigFile(serviceConfigFile, this.log) : undefined;
    const names = { name, version, instance };
    this.telemetry = startTelemetry({ ...names, endpoint: otlpEndpoint, tracesPerSecond });
  }

  async run(start: (host: Host<S>) => Promise<void>): Promise<void> {
    const { log } = this;
    const { adminAddress, listenAddress } = this.#process;
    const admin = await startAdmin(adminAddress, this.telemetry);
    let server: ProcessServer | undefined;
    const stop = (signal: NodeJS.Signals) => {
      if (this.#stopping) return;
      this.#stopping = true;
      log.info({ signal }, "stopping");
      // Its own plan is shorter: this is for what does not even keep to that.
      setTimeout(() => {
        log.error("the stop took too long and is cut off");
        process.exit(1);
      }, STOP_MS).unref();
      this.#stop(admin, server).then(
        () => process.exit(0),
        (error: unknown) => fail(this.#name, error),
      );
    };
    process.once("SIGTERM", stop);
    process.once("SIGINT", stop);

    await start(this);
    server = this.#server ?? this.#grpcServer();
    await server.listen();
    server.setServing?.(true);
    admin.setReady(true);
    log.info({ listen: listenAddress, admin: adminAddress }, "ready");
  }

  async #stop(admin: AdminServer, server: ProcessServer | undefined): Promise<void> {
    admin.setReady(false);
    server?.setServing?.(false);
    await stopInTime(this.log, {
      work: () => Promise.allSettled([...this.#subscriptions, ...this.#backgrounds].map((work) => work.stop())),
      calls: async (ms) => server?.drain(ms),
      events: async (ms) => this.#relay?.flush(ms),
      connections: () => this.#close(admin),
    });
    this.log.info("stopped");
  }

  async #close(admin: AdminServer): Promise<void> {
    const told = this.telemetry.stop();
    await this.#relay?.stop();
    this.serviceConfig?.close();
    for (const channel of this.#channels) channel.close();
    for (const close of this.#closers.toReversed()) await close();
    await (await this.#nats)?.close();
    await told;
    await admin.close();
  }

  #setting<T>(key: string): T {
    const value = (this.config as Readonly<Record<string, unknown>>)[key];
    if (value === undefined) throw new Error(`Cannot start: the variables of ${this.#name} do not include ${key}`);
    return value as T; // the spread variable sets of this file define the type
  }

  #grpcServer(): ProcessServer {
    const { telemetry, log, servedBy } = this;
    const { listenAddress, maxConcurrentCalls, maxConcurrentStreams, maxStreamsPerUser } = this.#process;
    const server = new GrpcServer({
      ...{ telemetry, log, servedBy, verifier: this.verifier() },
      ...{ maxConcurrent: maxConcurrentCalls, maxStreams: maxConcurrentStreams, maxStreamsPerUser },
    });
    for (const [definition, handlers] of this.#services) server.add(definition, handlers);
    return {
      listen: () => server.listen(listenAddress),
      setServing: (isServing) => server.setServing(isServing),
      drain: (ms) => server.drain(ms),
    };
  }

  serveWith(server: ProcessServer): void {
    this.#server = server;
  }

  verifier(): TokenVerifier | undefined {
    if ("authAddress" in this.config) {
      this.#verifier ??= new TokenVerifier(keySetFrom(this.channel(this.#setting<string>("authAddress"))));
    }
    return this.#verifier;
  }

  async database(): Promise<pg.Pool> {
    const pool = createPool(this.#setting("databaseUrl"), this.log, this.#setting("databasePoolSize"));
    this.onClose(() => pool.end());
    await waitForPostgres(pool);
    return pool;
  }

  async relay(pool: pg.Pool): Promise<Relay> {
    const nats = await this.#connectNats();
    const relay = startRelay({ pool, connectionString: this.#setting("databaseUrl"), nats, log: this.log });
    this.#relay = relay;
    const { meter } = this.telemetry;
    const unpublished = meter.createObservableGauge("outbox.unpublished", {
      description: "Events written and not yet published",
    });
    const oldest = meter.createObservableGauge("outbox.oldest", {
      description: "Age of the oldest event not yet published",
      unit: "s",
    });
    meter.addBatchObservableCallback(
      async (result) => {
        const backlog = await outboxBacklog(pool).catch(() => undefined); // no database, no figures
        if (!backlog) return;
        result.observe(unpublished, backlog.unpublished);
        result.observe(oldest, backlog.oldestSeconds);
      },
      [unpublished, oldest],
    );
    return relay;
  }

  #connectNats(): Promise<Nats> {
    this.#nats ??= connectNats({
      url: this.#setting("natsUrl"),
      user: this.#setting("natsUser"),
      password: this.#setting("natsPassword"),
      name: this.servedBy,
      log: this.log,
    });
    return this.#nats;
  }

  channel(address: string): GrpcChannel {
    const { telemetry, claimsIdentity, serviceConfig } = this;
    const channel = new GrpcChannel({ name: this.#name, telemetry, claimsIdentity, serviceConfig }, address);
    this.#channels.push(channel);
    return channel;
  }

  serve<D extends ServiceDefinition>(definition: D, handlers: Handlers<D>): void {
    this.#services.push([definition, handlers as unknown as Handlers<ServiceDefinition>]); // checked against D here
  }

  verifyTokensWith(fetchKeySet: FetchKeySet): void {
    this.#verifier = new TokenVerifier(fetchKeySet);
  }

  async consume<T>(consumption: Consumption<T>): Promise<void> {
    const nats = await this.#connectNats();
    const event = consumption.event.$type;
    this.#consumerMetrics ??= new ConsumerMetrics(this.telemetry, nats, this.#name);
    const metrics = this.#consumerMetrics;
    metrics.follow(event);
    const subscription: Subscription<T> = subscribe({
      ...consumption,
      nats,
      service: this.#name,
      log: this.log,
      around: async (delivery, run) => {
        const { subject, traceparent, tracestate, correlationId, baggage } = delivery;
        const span = this.telemetry.startSpan(`process ${subject}`, SpanKind.CONSUMER, traceparent, tracestate);
        try {
          await runInBackground({ producer: this.servedBy, correlationId, baggage, span }, run);
        } finally {
          span.end();
        }
      },
      observe: (delivery, outcome, seconds) => this.telemetry.eventDuration.record(seconds, delivery.subject, outcome),
      onBuried: () => metrics.buried(event),
    });
    this.#subscriptions.push(subscription);
  }

  background(work: Background): void {
    this.#backgrounds.push(work);
  }

  onClose(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }
}
