/** What a process is built from: database, events, clients and server, each made when the composition root first asks for it. */
import type pg from "pg";
import { injection } from "./behaviour/injection.ts";
import { runInBackground } from "./call.ts";
import { address, parseEnv } from "./config.ts";
import { methodAt } from "./contract.ts";
import { createPool, waitForPostgres } from "./database/postgres.ts";
import { ConsumerMetrics } from "./events/consumer-metrics.ts";
import { connectNats, type Nats } from "./events/nats.ts";
import { showOutbox } from "./events/outbox-metrics.ts";
import { type Relay, startRelay } from "./events/relay.ts";
import { type Consumption, type Delivery, type Subscription, subscribe } from "./events/subscribe.ts";
import type { Background, ConfigOf, Host, PrismaClientClass, ProcessConfig, ProcessServer, Spec } from "./host.ts";
import { addressVariable } from "./names.ts";
import { type FetchKeySet, TokenVerifier } from "./rpc/auth.ts";
import { GrpcChannel, type PromiseClient } from "./rpc/client.ts";
import type { Handlers } from "./rpc/handler.ts";
import { keySetFrom } from "./rpc/key-set.ts";
import { ServiceConfigFile } from "./rpc/retry-config.ts";
import { GrpcServer, type ServiceDefinition } from "./rpc/server.ts";
import { createLogger, type Logger } from "./telemetry/logger.ts";
import { SpanKind, startTelemetry, type Telemetry } from "./telemetry/telemetry.ts";
import { databaseVariables, endUserVariables, eventVariables, processVariables } from "./variables.ts";

export class ServiceHost<S extends Spec> implements Host<S> {
  readonly config: ConfigOf<S>;
  readonly processConfig: ProcessConfig;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly servedBy: string;
  readonly claimsIdentity: boolean;
  readonly serviceConfig: ServiceConfigFile | undefined;
  readonly #name: string;
  readonly #answersEndUsers: boolean;
  readonly #additions: ((server: GrpcServer) => void)[] = [];
  readonly #backgrounds: Background[] = [];
  readonly #subscriptions: { stop(): Promise<void> }[] = [];
  readonly #channels = new Map<string, GrpcChannel>();
  readonly #closers: (() => Promise<void> | void)[] = [];
  #pool: Promise<pg.Pool> | undefined;
  #nats: Promise<Nats> | undefined;
  #consumerMetrics: ConsumerMetrics | undefined;
  #relay: Relay | undefined;
  #verifier: TokenVerifier | undefined;
  #server: ProcessServer | undefined;

  /** Throws one ConfigError that lists every bad variable. */
  constructor(name: string, variables: S) {
    this.#name = name;
    this.config = parseEnv({ ...processVariables, ...variables });
    this.processConfig = parseEnv(processVariables);
    this.#answersEndUsers = Object.keys(endUserVariables).every((key) => key in variables);
    const { version, instance = `${name}-${version}-1`, mesh, logLevel, serviceConfigFile } = this.processConfig;
    const { otlpEndpoint: endpoint, tracesPerSecond } = this.processConfig;
    this.claimsIdentity = mesh === "off";
    this.servedBy = `${name}/${version}/${instance}`;
    this.log = createLogger({ service: name, version, instance }, logLevel);
    this.serviceConfig = serviceConfigFile ? new ServiceConfigFile(serviceConfigFile, this.log) : undefined;
    this.telemetry = startTelemetry({ name, version, instance, endpoint, tracesPerSecond });
    const { behaviourFile: path } = this.processConfig;
    if (path)
      this.onClose(injection.follow({ path, servedBy: this.servedBy, log: this.log, telemetry: this.telemetry }));
  }

  database(): Promise<pg.Pool> {
    this.#pool ??= this.#connectDatabase();
    return this.#pool;
  }

  async #connectDatabase(): Promise<pg.Pool> {
    const { databaseUrl, databasePoolSize } = parseEnv(databaseVariables);
    const pool = createPool(databaseUrl, this.log, databasePoolSize);
    this.onClose(() => pool.end());
    await waitForPostgres(pool);
    return pool;
  }

  async prisma<C extends { $connect(): Promise<void> }>(
    Client: PrismaClientClass<C>,
    { preload = false }: { preload?: boolean } = {},
  ): Promise<C> {
    // Loaded only where it is used: it takes memory.
    const { PrismaPg } = await import("@prisma/adapter-pg");
    const client = new Client({ adapter: new PrismaPg(await this.database()) });
    if (preload) await client.$connect();
    return client;
  }

  async relay(pool: pg.Pool): Promise<Relay> {
    const nats = await this.#connectNats();
    const { databaseUrl: connectionString } = parseEnv(databaseVariables);
    this.#relay = startRelay({ pool, connectionString, nats, log: this.log });
    showOutbox(this.telemetry, pool);
    return this.#relay;
  }

  #connectNats(): Promise<Nats> {
    if (!this.#nats) {
      const { natsUrl: url, natsUser: user, natsPassword: password } = parseEnv(eventVariables);
      this.#nats = connectNats({ url, user, password, name: this.servedBy, log: this.log });
    }
    return this.#nats;
  }

  client<D extends ServiceDefinition>(definition: D): PromiseClient<D> {
    const [rpc] = Object.values(definition);
    if (!rpc) throw new Error("Cannot call a service: its definition has no RPC");
    return this.#channelTo(methodAt(rpc.path).service).client(definition);
  }

  #channelTo(service: string): GrpcChannel {
    const known = this.#channels.get(service);
    if (known) return known;
    const { telemetry, claimsIdentity, serviceConfig } = this;
    const { target } = parseEnv({ target: address(addressVariable(service)) });
    const channel = new GrpcChannel({ name: this.#name, telemetry, claimsIdentity, serviceConfig }, target);
    this.#channels.set(service, channel);
    return channel;
  }

  serve<D extends ServiceDefinition>(definition: D, handlers: Handlers<D>): void {
    this.#additions.push((server) => server.add(definition, handlers));
  }

  serveWith(server: ProcessServer): void {
    this.#server = server;
  }

  verifier(): TokenVerifier | undefined {
    if (this.#answersEndUsers) this.#verifier ??= new TokenVerifier(keySetFrom(this.#channelTo("auth")));
    return this.#verifier;
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
      around: (delivery, run) => this.#inDelivery(delivery, run),
      observe: (delivery, outcome, seconds) => this.telemetry.eventDuration.record(seconds, delivery.subject, outcome),
      onBuried: (publishedBy) => metrics.buried(event, publishedBy),
    });
    this.#subscriptions.push(subscription);
  }

  async #inDelivery(delivery: Delivery, run: () => Promise<void>): Promise<void> {
    const { subject, traceparent, tracestate, correlationId, baggage } = delivery;
    const span = this.telemetry.startSpan(`process ${subject}`, SpanKind.CONSUMER, traceparent, tracestate);
    try {
      await runInBackground({ producer: this.servedBy, correlationId, baggage, span }, run);
    } finally {
      span.end();
    }
  }

  background(work: Background): void {
    this.#backgrounds.push(work);
  }

  onClose(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  /** What answers the calls of this process. */
  server(): ProcessServer {
    this.#server ??= this.#grpcServer();
    return this.#server;
  }

  #grpcServer(): ProcessServer {
    const { telemetry, log, servedBy } = this;
    const { listenAddress, maxConcurrentCalls, maxConcurrentStreams, maxStreamsPerUser } = this.processConfig;
    const server = new GrpcServer({
      ...{ telemetry, log, servedBy, verifier: this.verifier() },
      ...{ maxConcurrent: maxConcurrentCalls, maxStreams: maxConcurrentStreams, maxStreamsPerUser },
    });
    for (const add of this.#additions) add(server);
    return {
      listen: () => server.listen(listenAddress),
      setServing: (isServing) => server.setServing(isServing),
      drain: (ms) => server.drain(ms),
    };
  }

  /** Ends what works in the background and takes no more events. */
  stopWork(): Promise<unknown> {
    return Promise.allSettled([...this.#subscriptions, ...this.#backgrounds].map((work) => work.stop()));
  }

  /** Publishes what the outbox holds. */
  async flushEvents(ms: number): Promise<void> {
    await this.#relay?.flush(ms);
  }

  /** Closes everything that was opened. */
  async close(): Promise<void> {
    const exported = this.telemetry.stop();
    await this.#relay?.stop();
    this.serviceConfig?.close();
    for (const channel of this.#channels.values()) channel.close();
    for (const close of this.#closers.toReversed()) await close();
    await (await this.#nats)?.close();
    await exported;
  }
}
