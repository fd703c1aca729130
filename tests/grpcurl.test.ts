/** grpcurl, the tool that people bring, at every door of the shop: it knows nothing but what reflection tells. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, test } from "vitest";
import { type TheShop, theShop } from "./harness/the-shop.ts";

const isMissing = spawnSync("grpcurl", ["--version"]).error !== undefined && "grpcurl is not installed";
const run = promisify(execFile);
const CATALOG = "shop.catalog.v1.CatalogService";

let shop: TheShop;
beforeAll(async () => {
  shop = await theShop();
});

async function grpcurl(...args: string[]): Promise<string> {
  const { stdout } = await run("grpcurl", ["-plaintext", ...args], { timeout: 20_000 });
  return stdout;
}

/** Where people call, by name: none of them needs an authority. */
const DOORS: Readonly<Record<string, () => string>> = {
  "the toolbox": () => shop.address("toolbox", "calls"),
  "the edge's port for everything": () => shop.address("edge", "http"),
  "the edge's port for gRPC": () => shop.address("edge", "grpc"),
  "the catalog's own port": () => shop.address("catalog"),
};

for (const [door, addressOf] of Object.entries(DOORS)) {
  test(`at ${door} grpcurl lists, describes with the contracts' comments, and calls`, async (context) => {
    context.skip(isMissing !== false, `${isMissing}`);
    const address = addressOf();
    assert.ok((await grpcurl(address, "list")).split("\n").includes(CATALOG));
    assert.match(await grpcurl(address, "list", CATALOG), /CatalogService\.GetProduct\n/);
    assert.match(await grpcurl(address, "describe", CATALOG), /\/\/ Gets a product[\s\S]*?rpc GetProduct \(/);
    assert.match(await grpcurl(address, "describe", "shop.catalog.v1.GetProductRequest"), /message GetProductRequest/);
    const answer = JSON.parse(await grpcurl("-d", '{"pageSize":1}', address, `${CATALOG}/ListProducts`));
    assert.equal(answer.products.length, 1);
  });
}

test("at the toolbox grpcurl lists every service that end users may call, and asks one for its health by the authority", async (context) => {
  context.skip(isMissing !== false, `${isMissing}`);
  const address = shop.address("toolbox", "calls");
  const atTheEdge = await grpcurl(shop.address("edge", "grpc"), "list");
  assert.equal(await grpcurl(address, "list"), atTheEdge);
  const health = await grpcurl("-authority", "payments", address, "grpc.health.v1.Health/Check");
  assert.equal(JSON.parse(health).status, "SERVING");
});
