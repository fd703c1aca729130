import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { toMoney } from "@row/runtime/money.ts";
import { CrashingService } from "@row/tests/harness/crashing-service.ts";
import { afterAll, beforeAll, test } from "vitest";
import { type CatalogUnderTest, newProductRequest, startCatalog } from "./catalog-under-test.ts";

const crashing = new CrashingService("catalog");
let catalog: CatalogUnderTest;
beforeAll(async () => {
  catalog = await startCatalog(crashing.env);
});
afterAll(async () => {
  await catalog?.services.stop();
  crashing.remove();
});

const survives = (point: string, call: () => Promise<unknown>) => crashing.survives(catalog.services, point, call);

test("dying before the answer, a product is created once and its changes are made once", async () => {
  const { merchant, db, events, audit } = catalog;
  const request = newProductRequest();
  await survives("catalog.after-create", () => merchant.createProduct(request));
  const { rows } = await db.query("SELECT id::text FROM products WHERE sku = $1", [request.sku]);
  assert.equal(rows.length, 1);
  const id = rows[0].id;
  const price = { id, price: toMoney(777n), requestId: randomUUIDv7() };
  await survives("catalog.after-save", () => merchant.changePrice(price));
  const update = { id, name: "Renamed", description: "", categoryId: "", updateMask: ["name"] };
  await survives("catalog.after-save", () => merchant.updateProduct(update));
  assert.deepEqual(
    (await events(id)).map(({ type, sequence }) => `${type} ${sequence}`),
    ["ProductCreated 1", "ProductPriceChanged 2", "ProductUpdated 3"],
  );
  assert.equal((await audit(id)).length, 3);
});
