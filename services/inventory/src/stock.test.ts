import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { adjust, noStock } from "./stock.ts";

test("adjusting keeps the sum and counts every change, or refuses to go below nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt(-100n, 100n)), (deltas) => {
      let stock = noStock("p");
      for (const delta of deltas) {
        if (stock.onHand + delta < 0n) {
          assert.throws(() => adjust(stock, delta), { reason: "OUT_OF_STOCK" });
          continue;
        }
        const before = stock;
        stock = adjust(stock, delta);
        assert.equal(stock.onHand, before.onHand + delta);
        assert.equal(stock.version, before.version + 1n);
        assert.equal(stock.onHand + stock.reserved + stock.sold, stock.received);
      }
    }),
  );
});

test("says how many are there when more would be written off", () => {
  const stock = adjust(noStock("p-42"), 3n);
  assert.throws(() => adjust(stock, -4n), {
    message: 'Cannot write off "p-42": 4 requested, 3 available',
    facts: { product_id: "p-42", requested: "4", available: "3" },
  });
});
