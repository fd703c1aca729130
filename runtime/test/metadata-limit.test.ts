/** More metadata than a call may bring costs that call alone: never the connection, nor what else is under way on it. */
import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import { afterAll, beforeAll, test } from "vitest";
import { GrpcServer } from "../src/rpc/server.ts";
import { RpcError } from "../src/rpc/status.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { startTelemetry } from "../src/telemetry/telemetry.ts";

const ADDRESS = "127.0.0.1:14291";
const telemetry = startTelemetry({ name: "test", version: "v1", instance: "test-1", endpoint: undefined });
const unused = () => Promise.reject(new Error("not in this test"));
const unusedOnce = Object.assign(unused, { isIdempotent: true as const });
const server = new GrpcServer({
  telemetry,
  log: createLogger({}, "silent"),
  servedBy: "catalog/v1/catalog-v1-1",
  verifier: undefined,
  maxConcurrent: 10,
});
server.add(CatalogServiceService, {
  getProduct: async () => ({ product: undefined }),
  batchGetProducts: unused,
  listProducts: unused,
  searchProducts: unused,
  listCategories: unused,
  createProduct: unusedOnce,
  updateProduct: unused,
  changePrice: unusedOnce,
});
const client = new Client(ADDRESS, credentials.createInsecure());
const asIs = (bytes: Buffer) => bytes;
const GET_PRODUCT = "/shop.catalog.v1.CatalogService/GetProduct";
const HEALTH = "/grpc.health.v1.Health/Check";

beforeAll(async () => {
  await server.listen(ADDRESS);
  server.setServing(true);
});
afterAll(async () => {
  client.close();
  await server.drain(100);
  await telemetry.stop();
});

function call(path: string, headers: Readonly<Record<string, string>>): Promise<ServiceError | undefined> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const request =
    path === HEALTH ? Buffer.alloc(0) : Buffer.concat([Buffer.from([10, 36]), Buffer.from(randomUUIDv7())]);
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, asIs, asIs, request, metadata, { deadline: Date.now() + 5_000 }, (error) =>
      resolve(error ?? undefined),
    );
  });
}

const keys = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-key-${index}`, "v"]));
const TOO_MUCH = { "15 KB": { "x-long": "a".repeat(15_000) }, "101 keys": keys(101), "500 keys": keys(500) };

for (const [what, headers] of Object.entries(TOO_MUCH)) {
  for (const path of [GET_PRODUCT, HEALTH]) {
    test(`a call of ${path} with ${what} of metadata is refused alone, beside an open stream`, async () => {
      const watch = client.makeServerStreamRequest("/grpc.health.v1.Health/Watch", asIs, asIs, Buffer.alloc(0));
      const seen: unknown[] = [];
      watch.on("data", (message) => seen.push(message));
      watch.on("error", (error) => seen.push(error));
      const refused = await call(path, headers);
      assert.ok(refused);
      assert.equal(refused.code, status.RESOURCE_EXHAUSTED, refused.details);
      assert.match(
        refused.details,
        /^Cannot take what comes beside the request: it has \d+ keys and \d+ bytes; at most 100 and 8192/,
      );
      assert.equal(new RpcError(path, refused).reason, "METADATA_TOO_LARGE");
      assert.equal(await call(path, {}), undefined, "the next call on the same connection");
      assert.equal(seen.length, 1, `the stream said its first message and nothing since: ${seen.slice(1)}`);
      watch.cancel();
    });
  }
}

test("a call with 90 keys, or 7 KiB of metadata, is served", async () => {
  assert.equal(await call(GET_PRODUCT, keys(90)), undefined);
  assert.equal(await call(GET_PRODUCT, { "x-long": "a".repeat(7 * 1024) }), undefined);
});
