import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientReadableStream, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { OrderServiceService, type WatchOrderResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import { service as healthService } from "grpc-health-check";
import { afterAll, afterEach, test } from "vitest";
import type { Handlers } from "../src/rpc/handler.ts";
import { GrpcServer } from "../src/rpc/server.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { startTelemetry } from "../src/telemetry/telemetry.ts";
import { eventually } from "./harness.ts";

const ADDRESS = `127.0.0.1:${await freePort()}`;
const telemetry = startTelemetry({ name: "test", version: "v1", instance: "test-1", endpoint: undefined });
const ORDER = randomUUIDv7();

/** A token is the name of its user; those of "soon" end soon. */
const verifier = {
  recall: (token: string) => ({ id: token, roles: ["customer"] }),
  remainingMs: (token: string) => (token === "soon" ? 300 : 60_000),
};
const unused = () => Promise.reject(new Error("not in this test"));
const unusedOnce = Object.assign(unused, { isIdempotent: true as const });
let watchOrder: Handlers<typeof OrderServiceService>["watchOrder"];
let open = 0;
/** Says something at once and then nothing, until the stream ends. */
const quietly: typeof watchOrder = async function* (_request, call) {
  open += 1;
  yield { order: undefined, resumeToken: "1" };
  await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
  open -= 1;
};
/** Goes on talking, whoever listens. */
const endlessly: typeof watchOrder = async function* () {
  open += 1;
  try {
    for (;;) yield { order: undefined, resumeToken: "1".repeat(100_000) };
  } finally {
    open -= 1;
  }
};

let server: GrpcServer;
let clients: Client[] = [];

async function serve() {
  server = new GrpcServer({
    telemetry,
    log: createLogger({}, "silent"),
    servedBy: "orders/v1/orders-v1-1",
    verifier: verifier as never,
    maxConcurrent: 1,
    maxStreams: 5,
    maxStreamsPerUser: 2,
  });
  server.add(OrderServiceService, {
    placeOrder: unusedOnce,
    getOrder: async () => ({ order: undefined }),
    listOrders: unused,
    cancelOrder: unusedOnce,
    watchOrder: (request, call) => watchOrder(request, call),
    getOrderHistory: unused,
  });
  await server.listen(ADDRESS);
  server.setServing(true);
}

/** A connection of its own. */
function connect(): Client {
  const client = new Client(ADDRESS, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await server.drain(0);
});
afterAll(() => telemetry.stop());

function as(user: string): Metadata {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${user}`);
  return metadata;
}

function watch(client: Client, user: string): ClientReadableStream<WatchOrderResponse> {
  const { path, requestSerialize, responseDeserialize } = OrderServiceService.watchOrder;
  return client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    { id: ORDER, resumeToken: "" },
    as(user),
  );
}

/** A stream that has begun. */
async function watching(client: Client, user: string) {
  const stream = watch(client, user);
  const ended = endOf(stream);
  await new Promise((resolve) => stream.once("data", resolve));
  return { stream, ended };
}

function endOf(stream: ClientReadableStream<unknown>): Promise<ServiceError | undefined> {
  return new Promise((resolve) => {
    stream.once("error", (error: ServiceError) => resolve(error));
    stream.once("end", () => resolve(undefined));
    stream.resume();
  });
}

function getOrder(client: Client, user: string): Promise<status> {
  const { path, requestSerialize, responseDeserialize } = OrderServiceService.getOrder;
  return new Promise((resolve) =>
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { id: ORDER }, as(user), (error) =>
      resolve(error?.code ?? status.OK),
    ),
  );
}

test("streams take no call's place, and have a bound of their own", async () => {
  watchOrder = quietly;
  await serve();
  const client = connect();
  const streams = await Promise.all(["a", "a", "b", "b", "c"].map((user) => watching(client, user)));
  assert.equal(await getOrder(client, "a"), status.OK);
  const refused = await endOf(watch(client, "d"));
  assert.deepEqual(
    [refused?.code, refused?.details],
    [status.RESOURCE_EXHAUSTED, "Cannot open another stream now: try again in a moment"],
  );
  streams[4]?.stream.cancel();
  await eventually("it is gone", () => open === 4);
  await watching(client, "d");
});

test("no end user has more streams than their share", async () => {
  watchOrder = quietly;
  await serve();
  const client = connect();
  const [first] = await Promise.all([watching(client, "a"), watching(client, "a"), watching(client, "b")]);
  const refused = await endOf(watch(client, "a"));
  assert.deepEqual(
    [refused?.code, refused?.details],
    [status.RESOURCE_EXHAUSTED, "Cannot open another stream: 2 of yours are open, close one first"],
  );
  first.stream.cancel();
  await eventually("it is gone", () => open === 2);
  await watching(client, "a");
});

test("a stream that nobody reads keeps its place", async () => {
  watchOrder = endlessly;
  await serve();
  const client = connect();
  const streams = [1, 2].map(() => watch(client, "a").once("error", () => {}));
  await eventually("both are open", () => open === 2);
  assert.equal((await endOf(watch(client, "a")))?.code, status.RESOURCE_EXHAUSTED);
  for (const stream of streams) stream.cancel();
  await eventually("both are gone", () => open === 0);
});

test("a stream ends with the token that let it in, and says that another is needed", async () => {
  watchOrder = quietly;
  await serve();
  const client = connect();
  const { ended } = await watching(client, "soon");
  const other = await watching(client, "later");
  const error = await ended;
  assert.deepEqual(
    [error?.code, error?.details],
    [status.UNAUTHENTICATED, "Cannot accept the access token: it has expired; resume the stream with another"],
  );
  await eventually("its handler has ended too", () => open === 1);
  assert.equal(await Promise.race([other.ended.then(() => "ended"), sleep(100, "goes on")]), "goes on");
});

test("a stop ends streams and health watches at once, and waits for nobody who does not read", async () => {
  watchOrder = endlessly;
  await serve();
  const { path, requestSerialize, responseDeserialize } = healthService.Watch as unknown as {
    path: string;
    requestSerialize: (value: object) => Buffer;
    responseDeserialize: (bytes: Buffer) => { status: string };
  };
  const health = connect().makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: "" });
  const toldHealth = endOf(health);
  await new Promise((resolve) => health.once("data", resolve));
  watch(connect(), "a").once("error", () => {}); // and is never read
  await eventually("it is open", () => open === 1);
  watchOrder = quietly;
  const { ended } = await watching(connect(), "b");

  const startedAt = performance.now();
  const drained = server.drain(20_000);
  const error = await ended;
  assert.equal(await toldHealth, undefined);
  assert.ok(performance.now() - startedAt < 800, "told at once");
  assert.deepEqual([error?.code, open], [status.UNAVAILABLE, 0]);
  assert.match(error?.details ?? "", /the process stops; resume it$/);
  await drained;
  assert.ok(performance.now() - startedAt < 5_000, `${performance.now() - startedAt} ms`);
});
