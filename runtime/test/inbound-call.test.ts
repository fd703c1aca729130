import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { randomUUIDv7 } from "node:crypto";
import { once } from "node:events";
import http2, { type IncomingHttpHeaders } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { freePort } from "@row/tests/harness/ports.ts";
import { afterAll, test } from "vitest";
import { currentCall } from "../src/call.ts";
import { DomainError } from "../src/domain-error.ts";
import { identityOf } from "../src/names.ts";
import { InvalidToken } from "../src/rpc/auth.ts";
import { GrpcChannel } from "../src/rpc/client.ts";
import type { Handlers } from "../src/rpc/handler.ts";
import { GrpcServer } from "../src/rpc/server.ts";
import { RpcError } from "../src/rpc/status.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { startTelemetry } from "../src/telemetry/telemetry.ts";

const telemetry = startTelemetry({ name: "test", version: "v1", instance: "test-1", endpoint: undefined });
const ADDRESS = `127.0.0.1:${await freePort()}`;
const PRODUCT = randomUUIDv7();
const seen: { deadline: number; user: string | undefined; correlationId: string }[] = [];
let getProduct: Handlers<typeof CatalogServiceService>["getProduct"];

const unused = () => Promise.reject(new Error("not in this test"));
const unusedOnce = Object.assign(unused, { isIdempotent: true as const });
const verifier = {
  recall: (token: string) => (token === "good" ? { id: "u1", roles: ["customer"] } : undefined),
  verify: (token: string) => Promise.reject(new InvalidToken(`${token} is not good`)),
};
const server = new GrpcServer({
  telemetry,
  log: createLogger({}, "silent"),
  servedBy: "catalog/v1/catalog-v1-1",
  verifier: verifier as never,
  maxConcurrent: 2,
});
server.add(CatalogServiceService, {
  getProduct: (request, call) => getProduct(request, call),
  batchGetProducts: async () => ({ products: [] }),
  listProducts: unused,
  searchProducts: unused,
  listCategories: unused,
  createProduct: unusedOnce,
  updateProduct: unused,
  changePrice: unusedOnce,
});
await server.listen(ADDRESS);
const channel = new GrpcChannel({ name: "orders", telemetry, claimsIdentity: true }, ADDRESS);
const outsider = new GrpcChannel({ name: "", telemetry, claimsIdentity: false }, ADDRESS);
const catalog = channel.client(CatalogServiceService);
const raw = new Client(ADDRESS, credentials.createInsecure());
afterAll(async () => {
  channel.close();
  outsider.close();
  raw.close();
  await server.drain(100);
  await telemetry.stop();
});

/** Calls with bytes and headers of our choice, as a foreign client would. */
function callRaw(method: string, bytes: Buffer, headers: Record<string, string> = {}): Promise<ServiceError | Buffer> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve) => {
    const same = (value: Buffer) => value;
    raw.makeUnaryRequest(`/shop.catalog.v1.CatalogService/${method}`, same, same, bytes, metadata, (error, answer) =>
      resolve(error ?? answer ?? Buffer.alloc(0)),
    );
  });
}
const asking = Buffer.concat([Buffer.from([10, 36]), Buffer.from(PRODUCT)]);

test("deadline, user and correlation id reach the handler", async () => {
  getProduct = async (_request, call) => {
    seen.push({ deadline: call.deadline, user: call.user?.id, correlationId: call.correlationId });
    return { product: undefined };
  };
  await callRaw("GetProduct", asking, { authorization: "Bearer good", "x-correlation-id": "c-1" });
  const [call] = seen;
  assert.equal(call?.user, "u1");
  assert.equal(call?.correlationId, "c-1");
  const left = (call?.deadline ?? 0) - performance.now();
  assert.ok(left > 0 && left <= 500, `FAST is 500 ms, not ${left}`);
});

test("a call is on behalf of its end user, else of the calling service, else of nobody known", async () => {
  const actors: string[] = [];
  getProduct = async (_request, call) => {
    actors.push(call.actor);
    return { product: undefined };
  };
  const edge = { "l5d-client-id": identityOf("edge") };
  await callRaw("GetProduct", asking, { ...edge, authorization: "Bearer good" });
  await callRaw("GetProduct", asking, edge);
  await callRaw("GetProduct", asking);
  assert.deepEqual(actors, ["user:u1", "service:edge", "anonymous"]);
});

test("a domain error arrives with code, reason, facts and who served", async () => {
  getProduct = () =>
    Promise.reject(new DomainError("refused", "OUT_OF_STOCK", "Cannot", { facts: { available: "1" } }));
  await assert.rejects(catalog.getProduct({ id: PRODUCT }, { timeoutMs: 400 }), (error) => {
    assert.ok(error instanceof RpcError);
    assert.equal(error.code, status.PERMISSION_DENIED, "what is meant: orders is not among the callers of GetProduct");
    return true;
  });
  await assert.rejects(outsider.client(CatalogServiceService).getProduct({ id: PRODUCT }), (error) => {
    assert.ok(error instanceof RpcError);
    assert.equal(error.code, status.FAILED_PRECONDITION);
    assert.equal(error.reason, "OUT_OF_STOCK");
    assert.deepEqual({ ...error.facts }, { available: "1" });
    assert.equal(error.servedBy, "catalog/v1/catalog-v1-1");
    return true;
  });
});

test("a call may ask for any time that gRPC can write, up to 99,999,999 hours", async () => {
  getProduct = async () => {
    await sleep(50);
    return { product: undefined };
  };
  // grpc-js 1.14.7 counts the milliseconds of grpc-timeout in 32 bits: from 25 days on some are over before they begin.
  for (const timeout of ["596H", "720H", "99999999H", "99999999M", "99999999S", "99999999m"]) {
    const session = http2.connect(`http://${ADDRESS}`);
    session.on("error", () => {});
    const path = "/shop.catalog.v1.CatalogService/GetProduct";
    const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request({ ...headers, "grpc-timeout": timeout });
    const head = Buffer.from([0, 0, 0, 0, asking.length]);
    const trailers = new Promise<IncomingHttpHeaders>((resolve) => {
      stream.once("trailers", resolve);
      stream.once("response", (response) => response["grpc-status"] !== undefined && resolve(response));
    });
    stream.resume();
    stream.end(Buffer.concat([head, asking]));
    assert.equal(Number((await trailers)["grpc-status"]), status.OK, timeout);
    session.destroy();
  }
});

test("a bug is INTERNAL and tells nothing", async () => {
  getProduct = () => Promise.reject(new Error("the password is hunter2"));
  const answer = await callRaw("GetProduct", asking);
  assert.ok(answer instanceof Error && answer.code === status.INTERNAL);
  assert.doesNotMatch(answer.details, /hunter2/);
});

test("bytes that are no message, and messages against their rules, are the caller's fault", async () => {
  getProduct = () => Promise.reject(new Error("must not be reached"));
  for (const bytes of [
    Buffer.from([255, 255, 255]),
    Buffer.from([10, 3, 120, 121, 122]),
    Buffer.from([10, 2, 255, 254]),
    Buffer.alloc(0),
  ]) {
    const answer = await callRaw("GetProduct", bytes);
    assert.ok(answer instanceof Error && answer.code === status.INVALID_ARGUMENT, bytes.toString("hex"));
  }
});

test("services-only methods refuse callers without an identity, of another service or of another shop", async () => {
  const id = (account: string) => ({ "l5d-client-id": `${account}.serviceaccount.identity.linkerd.cluster.local` });
  for (const headers of [{}, id("payments.shop"), id("orders.other"), { "l5d-client-id": "orders" }]) {
    const answer = await callRaw("BatchGetProducts", asking, headers);
    assert.ok(answer instanceof Error && answer.code === status.FAILED_PRECONDITION, JSON.stringify(headers));
  }
  const allowed = await callRaw("BatchGetProducts", asking, id("orders.shop"));
  assert.ok(Buffer.isBuffer(allowed));
});

test("a handler that takes too long is answered for, and told", async () => {
  let aborted: Promise<unknown> | undefined;
  getProduct = (_request, call) => {
    aborted = new Promise((resolve) => call.signal.addEventListener("abort", resolve));
    return new Promise(() => {});
  };
  const answer = await callRaw("GetProduct", asking);
  assert.ok(answer instanceof Error && answer.code === status.DEADLINE_EXCEEDED);
  await aborted;
});

test("a call beyond the bound is refused at once", async () => {
  const waiting: (() => void)[] = [];
  getProduct = () => new Promise((resolve) => waiting.push(() => resolve({ product: undefined })));
  const held = [callRaw("GetProduct", asking), callRaw("GetProduct", asking)];
  while (waiting.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const refused = await callRaw("GetProduct", asking);
  assert.ok(refused instanceof Error && refused.code === status.RESOURCE_EXHAUSTED);
  for (const end of waiting) end();
  for (const answer of await Promise.all(held)) assert.ok(Buffer.isBuffer(answer));
});

test("what a handler calls carries its deadline and correlation id", async () => {
  getProduct = async () => {
    const context = currentCall();
    return { product: undefined, ...(assert.equal(context?.correlationId, "c-9") ?? {}) };
  };
  assert.ok(Buffer.isBuffer(await callRaw("GetProduct", asking, { "x-correlation-id": "c-9" })));
  const odd = await callRaw("GetProduct", asking, { "x-correlation-id": "not good for logs" });
  assert.ok(odd instanceof Error, "a harmful correlation id is replaced");
});

test("a caller that gives too little time is told so with a status that does not count against the callee", async () => {
  getProduct = () => new Promise(() => {});
  for (const timeout of ["1n", "1m", "30m", "100m"]) {
    const answer = await callRaw("GetProduct", asking, { "grpc-timeout": timeout });
    assert.ok(answer instanceof Error && answer.code === status.ABORTED, `${timeout}: ${answer}`);
    assert.equal(new RpcError("", answer).reason, "DEADLINE_EXCEEDED", timeout);
  }
});

// boulder's grpc/interceptors.go shaves the same 20 ms: without, whoever waits learns nothing but that time is up.
test("the callee says why before the time of a call is up", async () => {
  getProduct = () => new Promise(() => {});
  for (const headers of [{ "grpc-timeout": "200m" }, undefined]) {
    // This client sends a timeout and keeps none itself: whatever comes is what the callee said in time.
    const answer = await callRaw("GetProduct", asking, headers);
    assert.ok(answer instanceof Error);
    const error = new RpcError("GetProduct", answer);
    assert.deepEqual([error.code, error.reason], [status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"]);
    assert.equal(error.servedBy, "catalog/v1/catalog-v1-1");
  }
});

test("what a handler calls has less time than the handler, so that it can still tell its caller why", async () => {
  const deadlines: number[] = [];
  getProduct = async (_request, call) => {
    deadlines.push(call.deadline - performance.now());
    return { product: undefined };
  };
  await callRaw("GetProduct", asking, { "grpc-timeout": "300m" });
  assert.ok((deadlines[0] ?? 0) <= 280, String(deadlines[0]));
});

test("a timeout or a compressed message that nobody can read is the caller's fault", async () => {
  const timeout = await callRaw("GetProduct", asking, { "grpc-timeout": "soon" });
  assert.ok(timeout instanceof Error && timeout.code === status.INVALID_ARGUMENT, String(timeout));
  const session = http2.connect(`http://${ADDRESS}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": "/shop.catalog.v1.CatalogService/GetProduct",
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-encoding": "gzip",
    });
    stream.end(Buffer.from([1, 0, 0, 0, 4, 1, 2, 3, 4]));
    const [headers] = await once(stream, "response");
    assert.equal(Number(headers["grpc-status"]), status.INVALID_ARGUMENT);
  } finally {
    session.close();
  }
});

const isMissing = spawnSync("grpcurl", ["--version"]).error !== undefined && "grpcurl is not installed";

test("grpcurl lists a service and describes it with the contract's comments", async (context) => {
  context.skip(isMissing !== false, `${isMissing}`);
  const ask = async (...args: string[]) =>
    (await promisify(execFile)("grpcurl", ["-plaintext", ADDRESS, ...args])).stdout;
  assert.match(await ask("list"), /^shop\.catalog\.v1\.CatalogService$/m);
  assert.match(await ask("describe", "shop.catalog.v1.CatalogService"), /\/\/ Gets a product[\s\S]*?rpc GetProduct \(/);
});
