/** What a call says besides its request, as it arrives at the service that a handler calls in turn. */

import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { Client, credentials, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { CatalogServiceService, GetProductRequest } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import { afterAll, beforeEach, test } from "vitest";
import { toHeaders } from "../src/events/headers.ts";
import { connectNats } from "../src/events/nats.ts";
import { GrpcChannel } from "../src/rpc/client.ts";
import { GrpcServer } from "../src/rpc/server.ts";
import { ServiceHost } from "../src/service-host.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { startTelemetry } from "../src/telemetry/telemetry.ts";
import { eventually, provision, startNats } from "./harness.ts";

const FIRST = `127.0.0.1:${await freePort()}`;
const SECOND = `127.0.0.1:${await freePort()}`;
const TRACE = "0af7651916cd43dd8448eb211c80319c";

const telemetry = startTelemetry({ name: "test", version: "v1", instance: "test-1", endpoint: undefined });
/** What the second service was sent. */
let arrived = new Metadata();
const second = new Server();
second.addService(CatalogServiceService as never, {
  batchGetProducts: (call: { metadata: Metadata }, answer: (error: null, response: object) => void) => {
    arrived = call.metadata;
    answer(null, { products: [] });
  },
});
await new Promise<void>((resolve, reject) => {
  second.bindAsync(SECOND, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
});
const channel = new GrpcChannel({ name: "orders", telemetry, claimsIdentity: true }, SECOND);
const next = channel.client(CatalogServiceService);

const log = createLogger({}, "silent");
const first = new GrpcServer({ telemetry, log, servedBy: "first/v1/1", verifier: undefined, maxConcurrent: 10 });
const unused = () => Promise.reject(new Error("not in this test"));
const unusedOnce = Object.assign(unused, { isIdempotent: true as const });
first.add(CatalogServiceService, {
  async getProduct() {
    await next.batchGetProducts({ ids: [randomUUIDv7()] });
    return { product: undefined };
  },
  ...{ batchGetProducts: unused, listProducts: unused, searchProducts: unused, listCategories: unused },
  ...{ createProduct: unusedOnce, updateProduct: unused, changePrice: unusedOnce },
});
await first.listen(FIRST);
const client = new Client(FIRST, credentials.createInsecure());

afterAll(async () => {
  client.close();
  channel.close();
  second.forceShutdown();
  await first.drain(100);
  await telemetry.stop();
});

beforeEach(() => {
  arrived = new Metadata();
});

/** Calls the first service, which calls the second; answers what arrived there under each name. */
async function callWith(headers: Record<string, string>, names: readonly string[]): Promise<unknown[]> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const request = Buffer.from(GetProductRequest.encode({ id: randomUUIDv7() }).finish());
  const same = (bytes: Buffer) => bytes;
  await new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(CatalogServiceService.getProduct.path, same, same, request, metadata, (error) =>
      error ? reject(error) : resolve(),
    );
  });
  return names.map((name) => arrived.get(name)[0]);
}

test("tracestate travels with traceparent (W3C Trace Context, section 3.3)", async () => {
  const headers = {
    traceparent: `00-${TRACE}-b7ad6b7169203331-00`,
    tracestate: "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
  };
  const [parent, state] = await callWith(headers, ["traceparent", "tracestate"]);
  assert.match(String(parent), new RegExp(`^00-${TRACE}-`));
  assert.equal(state, headers.tracestate);
});

test("tracestate without a traceparent that can be read goes no further (W3C Trace Context, section 3.3)", async () => {
  assert.deepEqual(await callWith({ traceparent: "00-0-0-0", tracestate: "congo=1" }, ["tracestate"]), [undefined]);
});

test("the version that somebody wants to see travels on, as baggage and in a header that routes can match", async () => {
  const names = ["baggage", "x-preview"];
  assert.deepEqual(await callWith({ "x-preview": "v2" }, names), ["preview=v2", "v2"]);
  assert.deepEqual(await callWith({ baggage: "userId=alice,preview=v3" }, names), ["preview=v3", "v3"]);
  assert.deepEqual(await callWith({}, names), [undefined, undefined]);
});

test("what a service calls while it handles an event is sent what the call was sent that led to the event", async (t) => {
  const server = await startNats();
  const nats = await connectNats({ url: server.url, log });
  await provision(nats, "orders", [StockLevelChanged.$type]);
  Object.assign(process.env, {
    ...{ LISTEN_ADDRESS: "127.0.0.1:14195", ADMIN_ADDRESS: "127.0.0.1:14196", CATALOG_ADDRESS: SECOND },
    ...{ NATS_URL: server.url, NATS_USER: "any", NATS_PASSWORD: "any", LOG_LEVEL: "silent" },
  });
  const host = new ServiceHost("orders", {});
  t.onTestFinished(async () => {
    await host.stopWork();
    await host.close();
    await nats.close();
    await server.remove();
  });
  const catalog = host.client(CatalogServiceService);
  const handler = () => catalog.batchGetProducts({ ids: [randomUUIDv7()] });
  await host.consume({ event: StockLevelChanged, ordering: "any", handler });

  const [productId, id] = [randomUUIDv7(), randomUUIDv7()];
  const event = {
    ...{ id, type: StockLevelChanged.$type, time: new Date(), aggregateId: productId, sequence: 1n },
    ...{ correlationId: "c-1", producer: "inventory/v1/i", baggage: "userId=alice,preview=v2" },
    ...{ traceparent: `00-${TRACE}-b7ad6b7169203331-00`, tracestate: "congo=1" },
  };
  const message = StockLevelChanged.encode({ productId, onHand: 1n }).finish();
  await nats.js.publish(StockLevelChanged.$type, message, { headers: toHeaders(event), msgID: id });
  await eventually("the service is called", () => arrived.get("traceparent").length > 0);
  const names = ["x-correlation-id", "tracestate", "baggage", "x-preview"];
  assert.deepEqual(
    names.map((name) => arrived.get(name)[0]),
    ["c-1", "congo=1", "preview=v2", "v2"],
  );
  assert.match(String(arrived.get("traceparent")[0]), new RegExp(`^00-${TRACE}-`));
});

test("a client of a service whose address is missing says which variable that is", () => {
  const host = new ServiceHost("orders", {});
  assert.throws(() => host.client(PaymentServiceService), /^Error: Cannot start: PAYMENTS_ADDRESS is missing$/);
});
