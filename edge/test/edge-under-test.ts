import { Metadata } from "@grpc/grpc-js";
import type { Reason } from "@row/gen/reasons.ts";
import { DomainError, type ErrorKind } from "@row/runtime/domain-error.ts";
import { TokenVerifier } from "@row/runtime/rpc/auth.ts";
import { GrpcChannel } from "@row/runtime/rpc/client.ts";
import { keySetFrom } from "@row/runtime/rpc/key-set.ts";
import { toAnswer } from "@row/runtime/rpc/status.ts";
import { createLogger } from "@row/runtime/telemetry/logger.ts";
import { startTelemetry } from "@row/runtime/telemetry/telemetry.ts";
import { FakeAuth } from "@row/tests/harness/fake-auth.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import { Edge, type EdgeOptions } from "../src/edge.ts";
import { ScriptedService } from "./scripted-service.ts";

/** An edge in this process, with scripted services behind it. */
export class EdgeUnderTest {
  readonly catalog: ScriptedService;
  readonly orders: ScriptedService;
  /** What the edge calls for accounts and sessions. */
  readonly accounts: ScriptedService;
  /** What signs tokens and says with which keys. */
  readonly auth: FakeAuth;
  readonly url: string;
  readonly grpcUrl: string;
  readonly #edge: Edge;
  readonly #authChannel: GrpcChannel;

  private constructor(
    parts: Pick<EdgeUnderTest, "catalog" | "orders" | "accounts" | "auth" | "url" | "grpcUrl">,
    edge: Edge,
    channel: GrpcChannel,
  ) {
    this.catalog = parts.catalog;
    this.orders = parts.orders;
    this.accounts = parts.accounts;
    this.auth = parts.auth;
    this.url = parts.url;
    this.grpcUrl = parts.grpcUrl;
    this.#edge = edge;
    this.#authChannel = channel;
  }

  static async start(options: Partial<EdgeOptions> = {}): Promise<EdgeUnderTest> {
    const ports = await Promise.all(Array.from({ length: 7 }, freePort));
    const at = (index: number) => `127.0.0.1:${ports[index]}`;
    const catalog = new ScriptedService("shop.catalog.v1.CatalogService", "catalog/v1/catalog-v1-1");
    const orders = new ScriptedService("shop.orders.v1.OrderService", "orders/v1/orders-v1-1, catalog/v1/catalog-v1-1");
    const accounts = new ScriptedService("shop.auth.v1.AuthService", "auth/v1/auth-v1-1");
    await accounts.listen(at(6));
    await catalog.listen(at(2));
    await orders.listen(at(3));
    const auth = await FakeAuth.start(at(4));
    const telemetry = startTelemetry({ name: "edge", version: "v1", instance: "edge-v1-1", endpoint: undefined });
    const channel = new GrpcChannel({ name: "edge", telemetry, claimsIdentity: true }, at(4));
    const verifier = new TokenVerifier(keySetFrom(channel));
    const log = createLogger({}, process.env.TEST_LOG_LEVEL ?? "silent");
    const edge = await Edge.create({
      serverContext: { log, telemetry, servedBy: "edge/v1/edge-v1-1", verifier },
      // Nothing listens where payments would be.
      services: new Map([
        ["catalog", at(2)],
        ["orders", at(3)],
        ["auth", at(6)],
        ["payments", at(5)],
      ]),
      claimsIdentity: true,
      corsOrigins: ["https://shop.example", "http://localhost:*"],
      heartbeatMs: 200,
      quietMs: 0,
      ...options,
    });
    await edge.listen(at(0), at(1));
    const urls = { url: `http://${at(0)}`, grpcUrl: `http://${at(1)}` };
    return new EdgeUnderTest({ catalog, orders, accounts, auth, ...urls }, edge, channel);
  }

  async stop(): Promise<void> {
    await this.#edge.drain(5_000);
    this.#authChannel.close();
    this.catalog.stop();
    this.orders.stop();
    this.accounts.stop();
    this.auth.stop();
  }

  /** Sends a request as it is. */
  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.url + path, init);
  }

  /** Sends JSON with a user's token. */
  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const authorization = headers.authorization ?? `Bearer ${await this.auth.tokenFor({ id: USER_ID })}`;
    const sent = { ...headers, authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    return this.fetch(path, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body) });
  }
}

export const USER_ID = "0190a0a0-0000-7000-8000-00000000000a";
export const ORDER_ID = "0190a0a0-0000-7000-8000-000000000001";
export const PRODUCT_ID = "0190a0a0-0000-7000-8000-000000000002";

/** A refusal as a service of this shop sends it. */
export function refusal(kind: ErrorKind, reason: Reason, message: string, field?: string): Error {
  const violations = field === undefined ? [] : [{ field, description: message }];
  return Object.assign(new Error(), toAnswer(new DomainError(kind, reason, message, { violations }), "").status);
}

/** A status without details, as infrastructure sends it. */
export function bareStatus(code: number, details: string): Error {
  return Object.assign(new Error(), { code, details, metadata: new Metadata() });
}
