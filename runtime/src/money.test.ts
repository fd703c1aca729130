import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { CURRENCY } from "./currency.ts";
import { InvalidField } from "./domain-error.ts";
import { fromMoney, fromPrice, toMoney } from "./money.ts";

const minor = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n });

test("cents survive the way to google.type.Money and back", () => {
  fc.assert(fc.property(minor, (amount) => assert.equal(fromMoney(toMoney(amount), "price"), amount)));
});

test("units and nanos never differ in sign, and nanos stay below one unit", () => {
  fc.assert(
    fc.property(minor, (amount) => {
      const { units, nanos } = toMoney(amount);
      assert.ok(Math.abs(nanos) < 1_000_000_000);
      assert.ok(units === 0n || nanos === 0 || units > 0n === nanos > 0);
    }),
  );
});

test("whatever is not money of this shop is refused by the field's name, never by a crash", () => {
  const money = fc.record({
    currencyCode: fc.constantFrom(CURRENCY, "USD", ""),
    units: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    nanos: fc.integer(),
  });
  fc.assert(
    fc.property(money, (value) => {
      try {
        const amount = fromMoney(value, "price");
        assert.deepEqual({ ...toMoney(amount) }, { ...value });
      } catch (error) {
        assert.ok(error instanceof InvalidField);
        assert.match(error.message, /^price/);
      }
    }),
  );
});

test("a price is more than nothing", () => {
  assert.throws(() => fromPrice(toMoney(0n), "price"), /price: must be more than 0/);
  assert.throws(() => fromPrice(toMoney(-1n), "price"), InvalidField);
  assert.throws(() => fromPrice(undefined, "price"), /price: is required/);
  assert.equal(fromPrice(toMoney(1n), "price"), 1n);
});
