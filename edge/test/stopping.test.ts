/** An edge that is to stop takes an answer from nobody: its clients have not stopped sending when it is told. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Client, credentials } from "@grpc/grpc-js";
import { OrderService } from "@row/gen/es/shop/orders/v1/order_service_pb.ts";
import { GetProductRequest } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { test } from "vitest";
import { EdgeUnderTest, ORDER_ID, PRODUCT_ID, USER_ID } from "./edge-under-test.ts";

const READ = `/v1/products/${PRODUCT_ID}`;
const GET_PRODUCT = "/shop.catalog.v1.CatalogService/GetProduct";

async function startEdge(): Promise<EdgeUnderTest> {
  const edge = await EdgeUnderTest.start({ quietMs: 1_500 });
  edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID } }));
  // A first call takes longer than it may on a slow machine.
  for (let tries = 0; tries < 20 && (await edge.fetch(READ)).status !== 200; tries += 1) await sleep(50);
  return edge;
}

async function read(edge: EdgeUnderTest, agent: Agent): Promise<{ status: number | undefined; connection: unknown }> {
  const asked = request(edge.url + READ, { agent }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage]; // as Node documents the event
  answer.resume();
  await once(answer, "end");
  return { status: answer.statusCode, connection: answer.headers.connection };
}

test("what comes on an open connection is answered while the edge stops, as the last answer there (RFC 9112, section 9.6)", async () => {
  const edge = await startEdge();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.deepEqual(await read(edge, agent), { status: 200, connection: "keep-alive" });
  const stopped = edge.stop();
  await sleep(100);
  assert.deepEqual(await read(edge, agent), { status: 200, connection: "close" });
  // Whoever has not heard of another edge yet comes back to this one.
  assert.deepEqual(await read(edge, agent), { status: 200, connection: "close" });
  await stopped;
  await assert.rejects(read(edge, agent));
});

test("an answer under way when the edge is told to stop is the last on its connection", async () => {
  const edge = await startEdge();
  const asked = Promise.withResolvers<void>();
  edge.catalog.on("getProduct", async () => {
    asked.resolve();
    await sleep(200);
    return { product: { id: PRODUCT_ID } };
  });
  const agent = new Agent({ keepAlive: true });
  const answer = read(edge, agent);
  await asked.promise;
  const stopped = edge.stop();
  assert.deepEqual(await answer, { status: 200, connection: "close" });
  await stopped;
});

test("calls of Connect that are under way are answered", async () => {
  const edge = await startEdge();
  const asked = Promise.withResolvers<void>();
  edge.catalog.on("getProduct", async () => {
    asked.resolve();
    await sleep(200);
    return { product: { id: PRODUCT_ID } };
  });
  const answer = edge.send("POST", GET_PRODUCT, { id: PRODUCT_ID });
  await asked.promise;
  const stopped = edge.stop();
  assert.equal((await answer).status, 200);
  await stopped;
});

test("a connection of HTTP/2 that is open with nothing to say does not keep the edge", async () => {
  const edge = await startEdge();
  const session = connectHttp2(edge.grpcUrl);
  await once(session, "remoteSettings");
  const closed = once(session, "close");
  await edge.stop();
  await closed;
});

test("a client of gRPC that calls all the time loses no call while the edge stops (RFC 9113, sections 6.8 and 8.7)", async () => {
  const edge = await startEdge();
  const client = new Client(new URL(edge.grpcUrl).host, credentials.createInsecure());
  const asIs = (bytes: Buffer) => bytes;
  const request = Buffer.from(GetProductRequest.encode({ id: PRODUCT_ID }).finish());
  const call = () =>
    new Promise<string>((resolve) => {
      client.makeUnaryRequest(GET_PRODUCT, asIs, asIs, request, (error) => resolve(error?.message ?? "OK"));
    });
  assert.equal(await call(), "OK");
  const calls = [call(), call()];
  const stopped = edge.stop();
  for (let count = 0; count < 20; count += 1) {
    calls.push(call());
    await sleep(10);
  }
  assert.deepEqual(new Set(await Promise.all(calls)), new Set(["OK"]));
  await stopped;
  client.close();
});

test("a stream of gRPC ends so that its client resumes it elsewhere", async () => {
  const edge = await startEdge();
  const watched = Promise.withResolvers<void>();
  edge.orders.on("watchOrder", async function* (_call, signal) {
    yield { order: { id: ORDER_ID } };
    watched.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  const headers = { authorization: `Bearer ${await edge.auth.tokenFor({ id: USER_ID })}` };
  const orders = createClient(OrderService, createGrpcTransport({ baseUrl: edge.grpcUrl }));
  const reading = (async () => {
    for await (const _step of orders.watchOrder({ id: ORDER_ID }, { headers }));
  })();
  await watched.promise;
  const stopped = edge.stop();
  await assert.rejects(reading, (error) => ConnectError.from(error).code === Code.Unavailable);
  await stopped;
});
