import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { changeOf } from "./change.ts";
import { fromRow, schemaVersion, toData, upcast } from "./event-schema.ts";
import {
  cancel,
  confirm,
  fold,
  isFinal,
  type Order,
  type OrderEvent,
  OrderNotCancellable,
  PriceChanged,
  place,
  requestCancellation,
  totalOf,
} from "./order.ts";

const ID = "01890000-0000-7000-8000-000000000001";

const item = fc.record(
  {
    productId: fc.uuid(),
    name: fc.string(),
    quantity: fc.integer({ min: 1, max: 1_000 }),
    unitPriceMinor: fc.bigInt({ min: 1n, max: 10n ** 12n }),
  },
  { noNullPrototype: true },
);
const placed: fc.Arbitrary<OrderEvent> = fc.record({
  type: fc.constant("order-placed" as const),
  customerId: fc.uuid(),
  items: fc.array(item, { minLength: 1, maxLength: 5 }),
  addressId: fc.uuid(),
  countryCode: fc.constantFrom("DE", "FR"),
});
const life: fc.Arbitrary<OrderEvent[]> = fc.constantFrom<OrderEvent[]>(
  [],
  [{ type: "order-confirmed", paymentId: "p" }],
  [{ type: "cancellation-requested" }],
  [{ type: "cancellation-requested" }, { type: "order-cancelled", reason: "R" }],
  [{ type: "order-cancelled", reason: "R" }],
  [
    { type: "order-confirmed", paymentId: "p" },
    { type: "cancellation-requested" },
    { type: "order-cancelled", reason: "R" },
  ],
);

function stored(events: readonly OrderEvent[]) {
  return events.map((event, index) =>
    fromRow({
      version: BigInt(index + 1),
      type: event.type,
      schema_version: schemaVersion(event.type),
      data: JSON.parse(JSON.stringify(toData(event))),
      created_time: new Date(1_000 + index),
    }),
  );
}

test("an order made step by step is the order that its stored stream makes", () => {
  fc.assert(
    fc.property(placed, life, (first, rest) => {
      const events = [first, ...rest];
      let order: Order | undefined;
      events.forEach((event, index) => {
        order = changeOf(ID, order, [event], new Date(1_000 + index)).order;
      });
      assert.deepEqual(fold(ID, stored(events)), order);
    }),
  );
});

test("the total is the sum of quantity times price, beyond 2^53 too", () => {
  const items = [
    { productId: "a", name: "a", quantity: 1_000, unitPriceMinor: 10n ** 15n },
    { productId: "b", name: "b", quantity: 3, unitPriceMinor: 1n },
  ];
  assert.equal(totalOf(items), 10n ** 18n + 3n);
});

const wish = {
  customerId: "c-1",
  items: [{ productId: "a", name: "a", quantity: 3, unitPriceMinor: 430n }],
  addressId: "a-1",
  countryCode: "DE",
  expectedMinor: undefined,
};

test("an order is placed at the total that its customer expects, or at any if none is named", () => {
  const { expectedMinor: _, ...wanted } = wish;
  const event = { type: "order-placed", ...wanted };
  assert.deepEqual(place(wish), event);
  assert.deepEqual(place({ ...wish, expectedMinor: 1_290n }), event);
  assert.throws(
    () => place({ ...wish, expectedMinor: 1_289n }),
    (error) => {
      assert.ok(error instanceof PriceChanged);
      assert.equal(error.message, "Cannot place the order: it costs 12.90 EUR, not 12.89 EUR");
      assert.deepEqual(error.facts, { total_minor: "1290" });
      return true;
    },
  );
});

test("an order that costs more than money can be written for is refused by its items", () => {
  const dear = (unitPriceMinor: bigint) => place({ ...wish, items: [{ ...wish.items[0], unitPriceMinor } as never] });
  assert.throws(() => dear(10n ** 15n), /items: cost more than 10000000000000.00 EUR together/);
});

test("only a pending order is confirmed, and a cancelled one not cancelled again", () => {
  const { order } = changeOf(ID, undefined, [place(wish)]);
  const confirmed = changeOf(ID, order, [confirm(order, "p")]).order;
  assert.throws(() => confirm(confirmed, "p"), /it is CONFIRMED/);
  const cancelled = changeOf(ID, confirmed, [cancel(confirmed, "R")]).order;
  assert.throws(() => cancel(cancelled, "R"), /it is CANCELLED/);
});

test("versions count on from the order's own", () => {
  const { order } = changeOf(ID, undefined, [example]);
  const next = changeOf(ID, order, [{ type: "cancellation-requested" }, { type: "order-cancelled", reason: "R" }]);
  assert.deepEqual(
    next.events.map(({ version }) => version),
    ["2", "3"],
  );
  assert.equal(next.order.version, 3n);
  assert.deepEqual(
    next.published.map(({ sequence }) => Number(sequence)),
    [2, 3],
  );
});

test("a second wish to cancel changes nothing, and a cancelled order refuses it", () => {
  const { order } = changeOf(ID, undefined, [example, { type: "cancellation-requested" }]);
  assert.equal(requestCancellation(order), undefined);
  const cancelled = changeOf(ID, order, [{ type: "order-cancelled", reason: "R" }]).order;
  assert.throws(() => requestCancellation(cancelled), OrderNotCancellable);
  assert.ok(isFinal(cancelled));
});

test("a cancelled order cannot be confirmed", () => {
  const { order } = changeOf(ID, undefined, [example, { type: "order-cancelled", reason: "R" }]);
  assert.throws(() => changeOf(ID, order, [{ type: "order-confirmed", paymentId: "p" }]), /it is CANCELLED/);
});

test("old schema versions are lifted step by step, and newer ones refused", () => {
  const steps = [
    (data: Record<string, unknown>) => ({ ...data, second: true }),
    (data: Record<string, unknown>) => ({ ...data, third: data.second }),
  ];
  assert.deepEqual(upcast(steps, 1, {}), { second: true, third: true });
  assert.deepEqual(upcast(steps, 2, { second: 7 }), { second: 7, third: 7 });
  assert.deepEqual(upcast(steps, 3, { third: 9 }), { third: 9 });
  assert.throws(() => upcast(steps, 4, {}), /schema version 4/);
});

const example: OrderEvent = {
  type: "order-placed",
  customerId: ID,
  items: [{ productId: ID, name: "Beans", quantity: 2, unitPriceMinor: 500n }],
  addressId: ID,
  countryCode: "DE",
};
