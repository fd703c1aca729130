import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, test } from "vitest";
import { EdgeUnderTest, PRODUCT_ID } from "./edge-under-test.ts";

const isMissing = spawnSync("grpcurl", ["--version"]).error !== undefined && "grpcurl is not installed";
const run = promisify(execFile);

let edge: EdgeUnderTest;
beforeAll(async () => {
  edge = await EdgeUnderTest.start();
});
afterAll(() => edge.stop());

async function grpcurl(...args: string[]): Promise<string> {
  const { stdout } = await run("grpcurl", ["-plaintext", ...args], { timeout: 20_000 });
  return stdout;
}

const address = () => new URL(edge.grpcUrl).host;

test("grpcurl lists the services and RPCs that end users may call, and no others", async (context) => {
  context.skip(isMissing !== false, `${isMissing}`);
  const services = (await grpcurl(address(), "list")).trim().split("\n");
  assert.deepEqual(services, [
    "shop.auth.v1.AuthService",
    "shop.catalog.v1.CatalogService",
    "shop.orders.v1.OrderService",
    "shop.payments.v1.PaymentService",
  ]);
  const rpcs = await grpcurl(address(), "list", "shop.catalog.v1.CatalogService");
  assert.match(rpcs, /CatalogService\.GetProduct\n/);
  assert.doesNotMatch(rpcs, /BatchGetProducts/);
});

test("grpcurl describes them with the contracts' comments, in their places", async (context) => {
  context.skip(isMissing !== false, `${isMissing}`);
  const service = await grpcurl(address(), "describe", "shop.catalog.v1.CatalogService");
  assert.match(service, /\/\/ Gets a product[\s\S]*?rpc GetProduct \(/);
  assert.match(await grpcurl(address(), "describe", "shop.orders.v1.Order.State"), /\/\/ [\s\S]*STATE_PENDING = 1/);
  assert.match(await grpcurl(address(), "describe", "shop.orders.v1.Order.STATE_PENDING"), /STATE_PENDING/);
});

test("grpcurl calls an RPC that it knows from reflection only", async (context) => {
  context.skip(isMissing !== false, `${isMissing}`);
  edge.catalog.on("getProduct", () => ({ product: { id: PRODUCT_ID, name: "Mug" } }));
  const path = "shop.catalog.v1.CatalogService/GetProduct";
  const answer = await grpcurl("-d", JSON.stringify({ id: PRODUCT_ID }), address(), path);
  assert.equal(JSON.parse(answer).product.name, "Mug");
});

test("grpcurl cannot describe or call what is for services only", async (context) => {
  context.skip(isMissing !== false, `${isMissing}`);
  await assert.rejects(grpcurl(address(), "describe", "shop.catalog.v1.CatalogService.BatchGetProducts"), /not/);
  await assert.rejects(grpcurl("-d", "{}", address(), "shop.catalog.v1.CatalogService/BatchGetProducts"), /not/);
});
