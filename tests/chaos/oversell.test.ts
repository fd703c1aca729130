import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Shop, startShop } from "@row/laptop/shop/shop.ts";
import { afterAll, beforeAll, test } from "vitest";
import { portBase } from "../harness/ports.ts";
import { expectOk } from "../harness/rest.ts";
import { describe, violationsIn } from "../invariants/invariants.ts";
import { inDatabase } from "../invariants/read-databases.ts";
import { readEvidence } from "../invariants/read-evidence.ts";
import { settle } from "../invariants/settle.ts";
import { edgeOf, restDoor, signIn } from "./rest-door.ts";
import { Shopper } from "./shopper.ts";

const IN_STOCK = 100;
const ORDERS = 500;
const SETTLE_MS = 90_000;

let shop: Shop;

beforeAll(async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "row-oversell-"));
  // On a busy machine the last of 500 waits long, and no order shall be given up for that.
  shop = await startShop({ stateDir, portBase: await portBase(), env: { SAGA_TIMEOUT_MS: "120000" } });
});
afterAll(() => shop?.destroy());

/** A product of which there are so many. */
async function newProduct(stock: number): Promise<string> {
  const token = await signIn(shop, "merchant");
  const rest = edgeOf(shop);
  const { categories } = expectOk(await rest.get("/v1/categories"));
  const { product } = expectOk(
    await rest.post(
      "/v1/products",
      {
        sku: `RARE-${Date.now()}`,
        name: "Rare",
        categoryId: categories[0].id,
        price: { currencyCode: "EUR", units: "5" },
      },
      { token },
    ),
  );
  expectOk(await rest.post(`/v1/products/${product.id}:adjustStock`, { delta: stock, reason: "delivered" }, { token }));
  return product.id;
}

test("500 orders at once for a product with 100 in stock sell exactly 100", async () => {
  const productId = await newProduct(IN_STOCK);
  const shopper = new Shopper(restDoor(edgeOf(shop), await signIn(shop, "alice")));
  const wish = { items: [{ productId, quantity: 1 }], paymentToken: "tok_ok" };
  await Promise.all(Array.from({ length: ORDERS }, () => shopper.place(wish, randomUUIDv7())));
  assert.deepEqual(await settle(shop, SETTLE_MS), { sagas: 0, outbox: 0, deliveries: 0 });

  const evidence = await readEvidence(shop, shopper.accepted);
  const ended = Map.groupBy(evidence.orders, ({ state, cancelReason }) => `${state} ${cancelReason}`.trim());
  assert.deepEqual(Object.fromEntries([...ended].map(([how, orders]) => [how, orders.length])), {
    CONFIRMED: IN_STOCK,
    "CANCELLED OUT_OF_STOCK": ORDERS - IN_STOCK,
  });
  const stock = evidence.stock.find((one) => one.productId === productId);
  assert.deepEqual([stock?.onHand, stock?.reserved, stock?.sold], [0n, 0n, BigInt(IN_STOCK)]);
  assert.equal(describe(violationsIn(evidence)), "");
});

test("the check that says so sees a shop that is corrupted", async () => {
  await inDatabase(shop, "orders", (pool) =>
    pool.query(
      "UPDATE orders SET state = 'CANCELLED' WHERE id = (SELECT min(id::text)::uuid FROM orders WHERE state = 'CONFIRMED')",
    ),
  );
  await inDatabase(shop, "catalog", (pool) =>
    pool.query("DELETE FROM runtime.inbox WHERE event_id = (SELECT event_id FROM runtime.inbox LIMIT 1)"),
  );
  const found = violationsIn(await readEvidence(shop)).map(({ invariant }) => invariant);
  for (const invariant of [/fold of its stream/, /applies every event once/]) {
    assert.ok(
      found.some((name) => invariant.test(name)),
      `${invariant} went unnoticed`,
    );
  }
});
