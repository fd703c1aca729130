import { randomUUIDv7 } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { runInCall } from "@row/runtime/call.ts";
import { type CallOptions, GrpcChannel, type PromiseClient } from "@row/runtime/rpc/client.ts";
import type { ServiceDefinition } from "@row/runtime/rpc/server.ts";
import { startTelemetry } from "@row/runtime/telemetry/telemetry.ts";
import pg from "pg";
import { copyCluster } from "./copied-cluster.ts";
import { FakeAuth } from "./fake-auth.ts";
import { portBase } from "./ports.ts";

export interface ServiceUnderTestOptions {
  /** The services to run, by folder name: the one under test, and those it cannot do without. */
  services: string[];
  /** Settings for every service, and for one by name. */
  env?: Record<string, string>;
  envOf?: Record<string, Record<string, string>>;
  /** The longest wait before a service that keeps dying is started again. */
  longestBackoffMs?: number;
}

/** On whose behalf a client calls. Neither: somebody outside the mesh who has not signed in. */
export interface Caller {
  /** The calling service's name, as the mesh would vouch for it. */
  service?: string;
  /** The end user's access token. */
  token?: string;
}

const telemetry = startTelemetry({ name: "test", version: "test", instance: "test", endpoint: undefined });

/** Starts stores and services of a test file's own, provisioned and seeded as `row up` does it. */
export async function startServices(options: ServiceUnderTestOptions): Promise<ServicesUnderTest> {
  const stateDir = mkdtempSync(join(tmpdir(), "row-test-"));
  const base = await portBase();
  await copyCluster(stateDir);
  const authAddress = `127.0.0.1:${base + AUTH_OFFSET}`;
  const fakeAuth = options.services.includes("auth") ? undefined : await FakeAuth.start(authAddress);
  try {
    const shop = await startShop({
      services: options.services,
      stateDir,
      portBase: base,
      // A test speaks for the callers, whose identity nothing proves here; what the mesh does is tried elsewhere.
      mesh: false,
      isThrowaway: true,
      env: { AUTH_ADDRESS: authAddress, ...options.env },
      envOf: options.envOf,
      longestBackoffMs: options.longestBackoffMs,
    });
    return new ServicesUnderTest(shop, fakeAuth);
  } catch (error) {
    fakeAuth?.stop();
    rmSync(stateDir, { recursive: true, force: true });
    throw error;
  }
}

/** Where auth's declared port lies above the port base. */
const AUTH_OFFSET = 51;

/** Running services, real Postgres and NATS behind them, and auth played by a fake unless it is one of them. */
export class ServicesUnderTest {
  /** To kill, halt, resume and restart processes, and to reach the stores. */
  readonly shop: Shop;
  readonly #fakeAuth: FakeAuth | undefined;
  readonly #channels: GrpcChannel[] = [];
  readonly #pools = new Map<string, pg.Pool>();

  constructor(shop: Shop, fakeAuth: FakeAuth | undefined) {
    this.shop = shop;
    this.#fakeAuth = fakeAuth;
  }

  /** Signs the tokens; absent when the real auth runs. */
  get auth(): FakeAuth {
    if (!this.#fakeAuth) throw new Error("The real auth runs here: sign in to get a token");
    return this.#fakeAuth;
  }

  /** "host:port" of a service's gRPC server. */
  address(service: string): string {
    const { addresses } = this.shop.process(service);
    return addresses.grpc ?? this.shop.process(service).address;
  }

  /** A promise client that speaks to a service's port as `caller`. Its methods reject with RpcError. */
  client<D extends ServiceDefinition>(service: string, definition: D, caller: Caller = {}): PromiseClient<D> {
    return this.clientAt(this.address(service), definition, caller);
  }

  clientAt<D extends ServiceDefinition>(address: string, definition: D, caller: Caller = {}): PromiseClient<D> {
    const setup = { name: caller.service ?? "", telemetry, claimsIdentity: caller.service !== undefined };
    const channel = new GrpcChannel(setup, address);
    this.#channels.push(channel);
    const client = channel.client(definition) as Record<string, (request: unknown, options?: CallOptions) => unknown>;
    const authorization = caller.token === undefined ? undefined : `Bearer ${caller.token}`;
    const calling = Object.entries(client).map(([name, call]) => [
      name,
      (request: unknown, options?: CallOptions) => {
        const context = {
          deadline: Number.POSITIVE_INFINITY,
          signal: undefined,
          span: undefined,
          servedBy: [],
          actor: "",
          producer: "",
        };
        const correlationId = options?.correlationId ?? randomUUIDv7();
        return runInCall({ ...context, correlationId, authorization }, () => call(request, options));
      },
    ]);
    return Object.fromEntries(calling); // the methods of D, each within the caller's context
  }

  /** The database of a service, as the service itself sees it. */
  database(service: string): pg.Pool {
    const known = this.#pools.get(service);
    if (known) return known;
    const connectionString = this.shop.infrastructure.environmentOf(service).DATABASE_URL;
    const pool = new pg.Pool({ connectionString, max: 3 });
    pool.on("error", () => {}); // a database that goes away is part of some tests
    this.#pools.set(service, pool);
    return pool;
  }

  /** Stops everything and leaves nothing behind. */
  async stop(): Promise<void> {
    for (const channel of this.#channels) channel.close();
    await Promise.all([...this.#pools.values()].map((pool) => pool.end()));
    this.#fakeAuth?.stop();
    await this.shop.destroy();
  }
}
