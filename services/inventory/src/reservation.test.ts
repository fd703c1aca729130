import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import {
  askedItems,
  COMMIT,
  type Item,
  isRepeatOfReserve,
  outcomeOfNoChange,
  RELEASE,
  RETURN,
  ReservationClosed,
  type ReservationState,
} from "./reservation.ts";

const STATES: readonly (ReservationState | undefined)[] = [undefined, "RESERVED", "RELEASED", "COMMITTED", "RETURNED"];
const item = fc.record({ productId: fc.uuid(), quantity: fc.bigInt(1n, 1_000_000n) });

const pair = ({ productId, quantity }: Item) => [productId, quantity] as const;

test("puts what is asked for in the order of product ids and loses nothing", () => {
  fc.assert(
    fc.property(fc.uniqueArray(item, { selector: ({ productId }) => productId, minLength: 1 }), (items) => {
      const asked = askedItems(items);
      const ids = asked.map(({ productId }) => productId);
      assert.deepEqual(ids, [...ids].sort());
      assert.deepEqual(new Map(asked.map(pair)), new Map(items.map(pair)));
    }),
  );
});

test("refuses a product that is asked for twice", () => {
  const productId = "01a19467-e800-7000-8000-00000000000a";
  const twice = [
    { productId, quantity: 1n },
    { productId, quantity: 2n },
  ];
  assert.throws(() => askedItems(twice), { reason: "INVALID_REQUEST", message: /^items\[1\]\.product_id: / });
});

test("answers a repeat of ReserveStock by what became of the first", () => {
  const items = [{ productId: "a", quantity: 2n }];
  const others = [{ productId: "a", quantity: 3n }];
  assert.equal(isRepeatOfReserve("o", items, undefined), false);
  for (const state of ["RESERVED", "COMMITTED", "RETURNED"] as const) {
    assert.equal(isRepeatOfReserve("o", items, { state, items }), true);
    assert.throws(() => isRepeatOfReserve("o", others, { state, items }), { reason: "RESERVATION_CLOSED" });
  }
  assert.throws(() => isRepeatOfReserve("o", items, { state: "RELEASED", items }), { reason: "RESERVATION_CLOSED" });
  assert.throws(() => isRepeatOfReserve("o", items, { state: "RELEASED", items: [] }), {
    reason: "RESERVATION_CLOSED",
  });
});

test("knows of every step and state whether the step was taken, was overtaken or cannot be", () => {
  const outcome = (step: typeof RELEASE, state: ReservationState | undefined) => {
    try {
      return outcomeOfNoChange(step, "o", state);
    } catch (error) {
      assert.ok(error instanceof ReservationClosed);
      return "refused";
    }
  };
  const table = Object.fromEntries(
    [RELEASE, COMMIT, RETURN].map((step) => [step.name, STATES.map((s) => outcome(step, s))]),
  );
  assert.deepEqual(table, {
    //        never seen  RESERVED   RELEASED   COMMITTED  RETURNED
    release: ["race", "race", "taken", "refused", "refused"],
    commit: ["refused", "race", "refused", "taken", "taken"],
    return: ["refused", "refused", "refused", "race", "taken"],
  });
});
