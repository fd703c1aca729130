import assert from "node:assert/strict";
import { randomUUIDv7 } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, test } from "vitest";
import { answerOf, disagreements, type InventoryUnderTest, startInventory } from "./inventory-under-test.ts";

let inventory: InventoryUnderTest;
beforeAll(async () => {
  inventory = await startInventory();
});
afterAll(() => inventory?.services.stop());

/** Trouble that passes: a slow machine answers late, a killed process not at all. */
const PASSING = new Set(["DATABASE_UNAVAILABLE", "DEADLINE_EXCEEDED", "TOO_MANY_CALLS"]);

/** As the saga does: again until there is an answer. */
async function insist(call: () => Promise<unknown>): Promise<string> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const answer = await answerOf(call());
    if (/^[A-Z_]+$/.test(answer) && !PASSING.has(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("no answer for 10 s");
}

const byId = (a: { productId: string }, b: { productId: string }) => (a.productId < b.productId ? -1 : 1);

const countOf = (answers: string[], answer: string) => answers.filter((given) => given === answer).length;

test("500 orders at once for 100 in stock sell exactly 100", async () => {
  const { orders, product, stock } = inventory;
  const productId = await product(100);
  const orderIds = Array.from({ length: 500 }, () => randomUUIDv7());
  const reserved = await Promise.all(
    orderIds.map((orderId) => insist(() => orders.reserveStock({ orderId, items: [{ productId, quantity: 1n }] }))),
  );
  assert.equal(countOf(reserved, "OK"), 100);
  assert.equal(countOf(reserved, "OUT_OF_STOCK"), 400);
  const winners = orderIds.filter((_, index) => reserved[index] === "OK");
  await Promise.all(winners.map((orderId) => insist(() => orders.commitStock({ orderId }))));
  assert.partialDeepStrictEqual(await stock(productId), { on_hand: 0, reserved: 0, sold: 100, received: 100 });
});

test("an order is not refused for goods that another, sent with it, asked for in vain", async () => {
  const { orders, product } = inventory;
  const [wanted, missing] = [await product(30), await product(1)];
  const reserve = (items: { productId: string; quantity: bigint }[]) =>
    answerOf(orders.reserveStock({ orderId: randomUUIDv7(), items }));
  const one = { productId: wanted, quantity: 1n };
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      reserve(index % 2 ? [one] : [one, { productId: missing, quantity: 2n }].toSorted(byId)),
    ),
  );
  assert.deepEqual([countOf(answers, "OK"), countOf(answers, "OUT_OF_STOCK")], [30, 30]);
});

test("orders for the same products, named in any order, do not wait for each other in a circle", async () => {
  const { orders, product, db } = inventory;
  const products = await Promise.all(Array.from({ length: 6 }, () => product(10_000)));
  const deadlocks = async () =>
    Number(
      (await db.query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")).rows[0].deadlocks,
    );
  const before = await deadlocks();
  const answers = await Promise.all(
    Array.from({ length: 300 }, async (_, index) => {
      const orderId = randomUUIDv7();
      const turned = [...products.slice(index % 6), ...products.slice(0, index % 6)];
      const items = (index % 2 ? turned : turned.toReversed()).map((productId) => ({ productId, quantity: 1n }));
      const reserved = await insist(() => orders.reserveStock({ orderId, items }));
      const ended = await insist(() =>
        index % 3 ? orders.commitStock({ orderId }) : orders.releaseStock({ orderId }),
      );
      return `${reserved} ${ended}`;
    }),
  );
  assert.equal(countOf(answers, "OK OK"), 300);
  assert.equal(await deadlocks(), before);
});

test("the steps of one order, sent at once and repeated, end as if they had come one by one", async () => {
  const { orders, product, stock, state, db } = inventory;
  const steps = ["reserve", "reserve", "release", "commit", "return"] as const;
  const calls = fc.shuffledSubarray([...steps, ...steps], { minLength: 3 });
  await fc.assert(
    fc.asyncProperty(calls, fc.integer({ min: 1, max: 3 }), async (sent, kinds) => {
      const orderId = randomUUIDv7();
      const products = await Promise.all(Array.from({ length: kinds }, () => product(5)));
      const items = products.map((productId) => ({ productId, quantity: 2n }));
      const call = {
        reserve: () => orders.reserveStock({ orderId, items }),
        release: () => orders.releaseStock({ orderId }),
        commit: () => orders.commitStock({ orderId }),
        return: () => orders.returnStock({ orderId }),
      };
      const answers = await Promise.all(sent.map((step) => answerOf(call[step]())));
      const allowed = new Set(["OK", "RESERVATION_CLOSED"]);
      assert.deepEqual(
        answers.filter((answer) => !allowed.has(answer)),
        [],
      );
      const succeeded = (step: string) => sent.some((name, index) => name === step && answers[index] === "OK");
      const ended = await state(orderId);
      // Who was told OK can rely on it.
      if (succeeded("release")) assert.equal(ended, "RELEASED");
      else if (succeeded("return")) assert.equal(ended, "RETURNED");
      else if (succeeded("commit")) assert.equal(ended, "COMMITTED");
      else assert.equal(ended, succeeded("reserve") ? "RESERVED" : undefined);
      for (const productId of products) {
        assert.partialDeepStrictEqual(await stock(productId), {
          on_hand: ended === "RESERVED" || ended === "COMMITTED" ? 3 : 5,
          reserved: ended === "RESERVED" ? 2 : 0,
          sold: ended === "COMMITTED" ? 2 : 0,
        });
      }
      const { rows } = await db.query(
        "SELECT sequence, count(*) FROM runtime.outbox WHERE aggregate_id = $1 GROUP BY sequence HAVING count(*) > 1",
        [orderId],
      );
      assert.deepEqual(rows, [], "a step was told twice");
    }),
    { numRuns: 150 },
  );
});

test("orders, repeats and adjustments at random keep every sum, also when the process is killed", async () => {
  const { orders, shopkeeper, product, services } = inventory;
  const products = await Promise.all(Array.from({ length: 4 }, () => product(60)));
  const pick = (index: number) => products[index % products.length] ?? "";
  const shopping = Array.from({ length: 300 }, async (_, index) => {
    await new Promise((resolve) => setTimeout(resolve, index * 5));
    const orderId = randomUUIDv7();
    const items = [pick(index), pick(index + 1 + (index % 3))].map((productId) => ({ productId, quantity: 1n }));
    if (index % 25 === 0) {
      const requestId = randomUUIDv7();
      await insist(() => shopkeeper.adjustStock({ productId: pick(index), delta: 3n, reason: "", requestId }));
    }
    const reserved = await insist(() => orders.reserveStock({ orderId, items }));
    if (reserved !== "OK") return reserved;
    if (index % 3 === 0) return insist(() => orders.releaseStock({ orderId }));
    const sold = await insist(() => orders.commitStock({ orderId }));
    return index % 5 === 0 ? insist(() => orders.returnStock({ orderId })) : sold;
  });
  for (const ms of [300, 900]) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    services.shop.kill("inventory");
    await services.shop.whenReady("inventory");
  }
  const answers = await Promise.all(shopping);
  assert.ok(countOf(answers, "OK") > 100);
  assert.equal(countOf(answers, "OK") + countOf(answers, "OUT_OF_STOCK"), 300);
  assert.deepEqual(await disagreements(inventory), []);
});
