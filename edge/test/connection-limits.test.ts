/** One client that holds connections without using them loses them, and others are answered throughout. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Order_State } from "@row/gen/es/shop/orders/v1/order_pb.ts";
import { afterAll, beforeAll, describe, test } from "vitest";
import { EdgeUnderTest, ORDER_ID, PRODUCT_ID, USER_ID } from "./edge-under-test.ts";

const UNUSED_MS = 700;

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await EdgeUnderTest.start({ unusedMs: UNUSED_MS });
  edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID } }));
});
afterAll(() => edge.stop());

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

function open(url: string, ...sent: (string | Buffer)[]): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = connect(Number(new URL(url).port), "127.0.0.1");
      socket.on("error", () => {});
      await once(socket, "connect");
      for (const bytes of sent) socket.write(bytes);
      socket.resume();
      return socket;
    }),
  );
}

async function areEnded(sockets: readonly Socket[]): Promise<void> {
  const ended = sockets.map((socket) => socket.closed || once(socket, "close", { signal: AbortSignal.timeout(5_000) }));
  assert.equal((await edge.fetch(`/v1/products/${PRODUCT_ID}`)).status, 200, "others are answered meanwhile");
  await Promise.all(ended);
}

test("ends h2c connections that are idle", async () => {
  await areEnded(await open(edge.grpcUrl, PREFACE, SETTINGS));
});

test("ends h2c connections on which nothing was ever sent", async () => {
  await areEnded(await open(edge.grpcUrl));
});

test("ends HTTP/1.1 requests whose head or body stays half-sent", async () => {
  const head = "POST /v1/orders HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
  await areEnded(await open(edge.url, head));
  await areEnded(await open(edge.url, `${head}content-length: 100\r\n\r\n{`));
});

test("ends an h2c request whose body stays half-sent, and the connection with it", async () => {
  const session = connectHttp2(edge.grpcUrl);
  session.on("error", () => {});
  const path = "/shop.catalog.v1.CatalogService/GetProduct";
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc+proto" });
  stream.on("error", () => {});
  stream.write(Buffer.from([0, 0, 0, 0, 9]));
  await once(stream, "close", { signal: AbortSignal.timeout(5_000) });
  await once(session, "close", { signal: AbortSignal.timeout(5_000) });
});

test("ends an h2c connection whose answers are not read", async () => {
  edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID, description: "x".repeat(900_000) } }));
  const session = connectHttp2(edge.grpcUrl);
  session.on("error", () => {});
  const headers = { ":method": "POST", ":path": "/shop.catalog.v1.CatalogService/GetProduct" };
  const stream = session.request({ ...headers, "content-type": "application/json" });
  stream.on("error", () => {});
  stream.end(JSON.stringify({ id: PRODUCT_ID }));
  await once(session, "close", { signal: AbortSignal.timeout(5_000) });
});

test("ends an HTTP/1.1 connection whose answers are not read", async () => {
  edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID, description: "x".repeat(900_000) } }));
  const socket = connect(Number(new URL(edge.url).port), "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.pause();
  const answered = edge.catalog.received.length;
  // More than the kernel takes for a client that does not read; all at the same moment would be answered too late by a slow machine.
  for (let count = 0; count < 10; count += 1) {
    socket.write(`GET /v1/products/${PRODUCT_ID} HTTP/1.1\r\nhost: a\r\n\r\n`);
    await sleep(50);
  }
  await sleep(5 * UNUSED_MS);
  edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID } }));
  assert.ok(edge.catalog.received.length > answered);
  socket.resume();
  await once(socket, "close", { signal: AbortSignal.timeout(5_000) }).catch((error) => {
    if (error.code !== "ECONNRESET") throw error; // so it ends when requests were left unread in turn
  });
});

// Both wait for as long.
describe.concurrent("streams that have nothing to say", () => {
  test("lets a stream of HTTP/1.1 go on that has nothing to say", async () => {
    edge.orders.on("watchOrder", async function* () {
      yield { order: { id: ORDER_ID, state: Order_State.PENDING } };
      await sleep(4 * UNUSED_MS);
      yield { order: { id: ORDER_ID, state: Order_State.CONFIRMED } };
    });
    const { createConnectTransport } = await import("@connectrpc/connect-node");
    const { createClient } = await import("@connectrpc/connect");
    const { OrderService } = await import("@row/gen/es/shop/orders/v1/order_service_pb.ts");
    const headers = { authorization: `Bearer ${await edge.auth.tokenFor({ id: USER_ID })}` };
    const orders = createClient(OrderService, createConnectTransport({ baseUrl: edge.url, httpVersion: "1.1" }));
    const states: (Order_State | undefined)[] = [];
    for await (const { order } of orders.watchOrder({ id: ORDER_ID }, { headers })) states.push(order?.state);
    assert.deepEqual(states, [Order_State.PENDING, Order_State.CONFIRMED]);
  });

  test("lets a stream go on that has nothing to say", async () => {
    edge.orders.on("watchOrder", async function* () {
      yield { order: { id: ORDER_ID, state: Order_State.PENDING } };
      await sleep(4 * UNUSED_MS);
      yield { order: { id: ORDER_ID, state: Order_State.CONFIRMED } };
    });
    const { createGrpcTransport } = await import("@connectrpc/connect-node");
    const { createClient } = await import("@connectrpc/connect");
    const { OrderService } = await import("@row/gen/es/shop/orders/v1/order_service_pb.ts");
    const headers = { authorization: `Bearer ${await edge.auth.tokenFor({ id: USER_ID })}` };
    const orders = createClient(OrderService, createGrpcTransport({ baseUrl: edge.grpcUrl }));
    const states: (Order_State | undefined)[] = [];
    for await (const { order } of orders.watchOrder({ id: ORDER_ID }, { headers })) states.push(order?.state);
    assert.deepEqual(states, [Order_State.PENDING, Order_State.CONFIRMED]);
  });
});

test("no address has more than half of the connections, on both ports together, and what it gives back it may have again", async () => {
  const few = await EdgeUnderTest.start({ maxConnections: 8 });
  few.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID } }));
  const opened = async (url: string) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  };
  const held = [await opened(few.url), await opened(few.url), await opened(few.grpcUrl), await opened(few.grpcUrl)];
  const refused = await opened(few.url);
  await once(refused, "close", { signal: AbortSignal.timeout(5_000) });
  // The other half is other addresses': in Linux all of 127.0.0.0/8 is this machine.
  if (process.platform === "linux") {
    const other = connect({ port: Number(new URL(few.url).port), host: "127.0.0.1", localAddress: "127.0.0.2" });
    await once(other, "connect");
    other.write("GET /docs HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert.match(String((await once(other, "data"))[0]), /^HTTP\/1\.1 200 /);
    other.destroy();
  }
  held[0]?.destroy();
  await sleep(100);
  assert.equal((await few.fetch("/docs", { headers: { connection: "close" } })).status, 200);
  for (const socket of held) socket.destroy();
  await few.stop();
});

test("takes no more than 100 streams at once on one h2c connection", async () => {
  const session = connectHttp2(edge.grpcUrl);
  session.on("error", () => {});
  await once(session, "remoteSettings");
  assert.equal(session.remoteSettings.maxConcurrentStreams, 100);
  session.destroy();
});
