import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import { CrashingService } from "@row/tests/harness/crashing-service.ts";
import { afterAll, beforeAll, test } from "vitest";
import { answerOf, disagreements, type InventoryUnderTest, startInventory } from "./inventory-under-test.ts";

const crashing = new CrashingService("inventory");
let inventory: InventoryUnderTest;
beforeAll(async () => {
  inventory = await startInventory(crashing.env);
});
afterAll(async () => {
  await inventory?.services.stop();
  crashing.remove();
});

const survives = (point: string, call: () => Promise<unknown>) => crashing.survives(inventory.services, point, call);

const sold = { on_hand: 8, reserved: 0, sold: 2, received: 10 };
const untouched = { on_hand: 10, reserved: 0, sold: 0, received: 10 };

for (const when of ["before", "after"]) {
  test(`dying ${when} each step of a sale changes nothing about its outcome`, async () => {
    const { orders, product, stock } = inventory;
    const productId = await product(10);
    const orderId = randomUUIDv7();
    const items = [{ productId, quantity: 2n }];
    await survives(`inventory.${when}-reserve`, () => orders.reserveStock({ orderId, items }));
    await survives(`inventory.${when}-commit`, () => orders.commitStock({ orderId }));
    assert.partialDeepStrictEqual(await stock(productId), sold);
    await survives(`inventory.${when}-return`, () => orders.returnStock({ orderId }));
    assert.partialDeepStrictEqual(await stock(productId), untouched);
  });

  test(`dying ${when} a release, of a reservation or of none, changes nothing about its outcome`, async () => {
    const { orders, product, stock } = inventory;
    const productId = await product(10);
    const items = [{ productId, quantity: 2n }];
    const [held, unknown] = [randomUUIDv7(), randomUUIDv7()];
    await orders.reserveStock({ orderId: held, items });
    await survives(`inventory.${when}-release`, () => orders.releaseStock({ orderId: held }));
    await survives(`inventory.${when}-release`, () => orders.releaseStock({ orderId: unknown }));
    assert.equal(await answerOf(orders.reserveStock({ orderId: unknown, items })), "RESERVATION_CLOSED");
    assert.partialDeepStrictEqual(await stock(productId), untouched);
  });

  test(`dying ${when} the commit of an adjustment adjusts once`, async () => {
    const { shopkeeper, product, stock } = inventory;
    const productId = await product(10);
    const request = { productId, delta: 5n, reason: "delivery", requestId: randomUUIDv7() };
    await survives(`inventory.${when}-adjust-commit`, () => shopkeeper.adjustStock(request));
    assert.partialDeepStrictEqual(await stock(productId), { on_hand: 15, version: 2 });
  });
}

test("what was committed before a death is published after it", async () => {
  const { db, orders, product } = inventory;
  const productId = await product(10);
  const items = [{ productId, quantity: 1n }];
  const orderId = randomUUIDv7();
  await survives("inventory.after-reserve", () => orders.reserveStock({ orderId, items }));
  const left = async () =>
    Number((await db.query("SELECT count(*) FROM runtime.outbox WHERE published_time IS NULL")).rows[0].count);
  for (let i = 0; i < 100 && (await left()) > 0; i++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await left(), 0);
  assert.deepEqual(await disagreements(inventory), []);
});
