import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { afterAll, beforeAll, test } from "vitest";
import { portBase } from "../harness/ports.ts";
import { expectOk, Rest } from "../harness/rest.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const PORT_BASE = await portBase();
const PRODUCT = { id: "01a19467-e800-7000-8000-000000000001", name: "Ethiopia Guji, 250 g" };
/** The price after the name, for whoever cannot wait to see it. */
const WITH_PRICE = "product.name + ' · ' + (Number(product.priceMinor) / 100).toFixed(2) + ' €'";
const SHARE = 0.1;
const CALLS = 600;

const folder = mkdtempSync(join(tmpdir(), "row-canary-"));
const checkout = join(folder, "checkout");
const stateDir = join(folder, "state");
let shop: Shop;

beforeAll(async () => {
  const services = ["auth", "catalog", "edge"];
  await Promise.all([
    run("git", ["clone", "--quiet", "--depth", "1", `file://${root}`, checkout]),
    startShop({ services, stateDir, portBase: PORT_BASE, isThrowaway: true }).then((started) => {
      shop = started;
    }),
  ]);
});

afterAll(async () => {
  await shop?.destroy();
  rmSync(folder, { recursive: true, force: true });
});

test("a change of one's own runs as the next version from another checkout, and gets no call by itself", async () => {
  const file = join(checkout, "services/catalog/src/product-message.ts");
  const code = readFileSync(file, "utf8");
  const shown = "return { id, sku, name,";
  assert.ok(code.includes(shown), "the code is not what this test changes");
  writeFileSync(file, code.replace(shown, `return { id, sku, name: ${WITH_PRICE},`));
  const said = await row("deploy", "catalog", "--version", "v2", "--from", checkout);
  assert.match(said, /^catalog v2 runs: catalog-v2-1$/m);
  assert.deepEqual(await look(100), { plain: 100, withPrice: 0 });
});

test("a tenth of the calls see the change once a split says so", async () => {
  assert.match(await row("split", "catalog", "v1=90", "v2=10"), /v1=90 \(90 %\) {2}v2=10 \(10 %\)/);
  const { withPrice } = await look(CALLS);
  const deviation = Math.sqrt(CALLS * SHARE * (1 - SHARE));
  // Chance leaves these bounds once in 15,000 runs.
  assert.ok(Math.abs(withPrice - CALLS * SHARE) < 4 * deviation, `${withPrice} of ${CALLS}`);
});

test("nobody sees it any more when its share is 0, and then it can go", async () => {
  await row("split", "catalog", "v1=100", "v2=0");
  assert.deepEqual(await look(200), { plain: 200, withPrice: 0 });
  assert.match(await row("undeploy", "catalog", "--version", "v2"), /^catalog v2 is gone: .* catalog-v2-1$/m);
  assert.throws(() => shop.process("catalog-v2-1"), /Unknown process/);
  assert.deepEqual(await look(50), { plain: 50, withPrice: 0 });
  assert.ok(statSync(checkout).isDirectory(), "a folder of the user's stays");
});

/** What the command prints, from another terminal. */
async function row(...words: string[]): Promise<string> {
  const env = { ...process.env, ROW_STATE_DIR: stateDir, ROW_PORT_BASE: String(PORT_BASE) };
  return (await run(process.execPath, [join(root, "cli/src/main.ts"), ...words], { env })).stdout;
}

/** Reads the product so many times at the edge: how many answers show it in which way. */
async function look(count: number): Promise<{ plain: number; withPrice: number }> {
  const rest = new Rest(`http://${shop.process("edge").address}`);
  const seen = { plain: 0, withPrice: 0 };
  let asked = 0;
  const looking = Array.from({ length: 8 }, async () => {
    while (asked++ < count) {
      const { product } = expectOk(await rest.get(`/v1/products/${PRODUCT.id}`));
      if (product.name === PRODUCT.name) seen.plain += 1;
      else if (product.name === `${PRODUCT.name} · 12.90 €`) seen.withPrice += 1;
      else assert.fail(`The product is called ${product.name}`);
    }
  });
  await Promise.all(looking);
  return seen;
}
