/** A version of one's own, three hops away: whoever asks for it at the edge gets it from the catalog that orders calls. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUIDv7 } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { afterAll, beforeAll, test } from "vitest";
import { portBase } from "../harness/ports.ts";
import { expectOk, Rest } from "../harness/rest.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const PORT_BASE = await portBase();
const PRODUCT_ID = "01a19467-e800-7000-8000-000000000001";
const ROUTE = `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: catalog-preview, namespace: shop }
spec:
  parentRefs: [{ group: core, kind: Service, name: catalog, port: 50051 }]
  rules:
    - matches:
        - method: { service: shop.catalog.v1.CatalogService, method: GetProduct }
          headers: [{ name: x-preview, value: v2 }]
        - method: { service: shop.catalog.v1.CatalogService, method: BatchGetProducts }
          headers: [{ name: x-preview, value: v2 }]
      backendRefs: [{ name: catalog-v2, port: 50051 }]
`;

const folder = mkdtempSync(join(tmpdir(), "row-preview-"));
const checkout = join(folder, "checkout");
const stateDir = join(folder, "state");
let shop: Shop;
let rest: Rest;
let token: string;

beforeAll(async () => {
  await Promise.all([
    run("git", ["clone", "--quiet", "--depth", "1", `file://${root}`, checkout]),
    startShop({ stateDir, portBase: PORT_BASE, isThrowaway: true }).then((started) => {
      shop = started;
    }),
  ]);
  rest = new Rest(`http://${shop.process("edge").address}`);
  const [email, password] = [`${randomUUIDv7()}@example.com`, "correct horse battery"];
  expectOk(await rest.post("/v1/auth/register", { email, password, displayName: "Somebody" }));
  token = expectOk(await rest.post("/v1/auth/login", { email, password })).accessToken;
  await runAtHalfPrice();
});

afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a catalog that asks half the price as v2, and routes to it what asks for it. */
async function runAtHalfPrice(): Promise<void> {
  const file = join(checkout, "services/catalog/src/product-message.ts");
  const code = readFileSync(file, "utf8");
  assert.ok(code.includes("toMoney(priceMinor)"), "the code is not what this test changes");
  writeFileSync(file, code.replace("toMoney(priceMinor)", "toMoney(priceMinor / 2n)"));
  await row("deploy", "catalog", "--version", "v2", "--from", checkout);
  writeFileSync(join(folder, "preview.yaml"), ROUTE);
  await row("apply", "-f", join(folder, "preview.yaml"));
}

async function row(...words: string[]): Promise<void> {
  const env = { ...process.env, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(PORT_BASE) };
  await run(process.execPath, [join(root, "cli/src/main.ts"), ...words], { env });
}

/** Orders one; answers what it costs in cents and which catalog was asked. */
async function order(headers: Record<string, string> = {}): Promise<{ cents: number; catalog: string | undefined }> {
  const shippingAddress = {
    recipient: "Me",
    line1: "1 Harbour Row",
    city: "Hamburg",
    postalCode: "20457",
    countryCode: "DE",
  };
  const body = { items: [{ productId: PRODUCT_ID, quantity: 1 }], paymentToken: "tok_ok", shippingAddress };
  const key = randomUUIDv7();
  let answer = await rest.post("/v1/orders", body, { token, headers, key });
  // A machine that starts much else may not answer in time; the same order again, as RetryInfo asks.
  for (let again = 0; answer.status === 503 && again < 20; again++) {
    await sleep(1_000);
    answer = await rest.post("/v1/orders", body, { token, headers, key });
  }
  const { total } = expectOk(answer).order;
  const catalog = /catalog\/v\d+/.exec(answer.headers.get("x-served-by") ?? "")?.[0];
  return { cents: Number(total.units) * 100 + Number(total.nanos ?? 0) / 1e7, catalog };
}

const [FULL, HALF] = [
  { cents: 1290, catalog: "catalog/v1" },
  { cents: 645, catalog: "catalog/v2" },
];

test("an order whose sender asks for v2 is priced by the catalog v2, and those of others in between by v1", async () => {
  const orders = [];
  for (let n = 0; n < 10; n++) orders.push(await order({ "x-preview": "v2" }), await order());
  assert.deepEqual(orders, Array.from({ length: 10 }, () => [HALF, FULL]).flat());
});

test("the same wish as W3C Baggage has the same effect, and one for a version that no route knows has none", async () => {
  assert.deepEqual(await order({ baggage: "userId=alice,preview=v2" }), HALF);
  assert.deepEqual(await order({ "x-preview": "v3" }), FULL);
});
