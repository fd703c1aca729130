import assert from "node:assert/strict";
import { test } from "vitest";
import { violationsIn } from "./invariants.ts";
import { type Corruptible, soundEvidence } from "./sound-evidence.ts";

/** The element that a corruption is about; a missing one is a mistake of the test. */
function the<T>(list: readonly T[], isIt: (element: T) => boolean = () => true): T {
  const found = list.find(isIt);
  assert.ok(found, "the sound evidence has no such element");
  return found;
}

const order = (evidence: Corruptible, id: string) => the(evidence.orders, (candidate) => candidate.id === id);
const payment = (evidence: Corruptible, orderId: string) => the(evidence.payments, (one) => one.orderId === orderId);

/** What is corrupted, how, and the invariant and id that must be named. */
const CORRUPTIONS: readonly [what: string, corrupt: (evidence: Corruptible) => void, invariant: RegExp, id: string][] =
  [
    ["an order still open", (e) => (order(e, "paid").state = "PENDING"), /every order ends/, "paid"],
    ["an accepted order that is gone", (e) => e.accepted?.push("lost"), /no order is lost/, "lost"],
    ["an order nobody was told of", (e) => e.accepted?.splice(1, 1), /placed twice/, "declined"],
    ["a view ahead of its stream", (e) => (order(e, "paid").version = 3n), /fold of its stream/, "paid"],
    ["a stream with a hole", (e) => e.orderEvents.splice(0, 1), /fold of its stream/, "paid"],
    ["a view that a rebuild changes", (e) => (e.viewDifferences = 1), /fold of its stream/, ""],
    [
      "a second capture",
      (e) => e.gateway.push({ ...the(e.gateway, ({ action }) => action === "capture"), sequence: 7 }),
      /charged twice/,
      "paid",
    ],
    [
      "a charge for no order",
      (e) => e.gateway.push({ ...the(e.gateway), reference: "ghost" }),
      /belongs to an order/,
      "ghost",
    ],
    ["a confirmed order never captured", (e) => e.gateway.splice(1, 1), /charged its total once/, "paid"],
    [
      "a confirmed order at another price",
      (e) => (order(e, "paid").totalMinor = 501n),
      /charged its total once/,
      "paid",
    ],
    ["a cancelled order not refunded", (e) => e.gateway.splice(5, 1), /is refunded/, "returned"],
    ["a hold that nobody let go of", (e) => e.gateway.splice(4, 2), /holds no money/, "returned"],
    ["stock that does not add up", (e) => (the(e.stock).onHand = 9n), /stock adds up/, "p-1"],
    ["a negative level", (e) => (the(e.stock).onHand = -1n), /never negative/, "p-1"],
    [
      "stock still reserved",
      (e) => Object.assign(the(e.stock), { onHand: 6n, reserved: 2n }),
      /nothing stays reserved/,
      "p-1",
    ],
    [
      "an order sold and not taken",
      (e) => Object.assign(the(e.stock), { onHand: 10n, sold: 0n }),
      /what was ordered/,
      "p-1",
    ],
    [
      "a reservation left behind",
      (e) => (the(e.reservations, (r) => r.orderId === "declined").state = "RESERVED"),
      /ends as its order/,
      "declined",
    ],
    ["a half of a transaction", (e) => e.ledger.splice(0, 1), /ledger balances/, "capture:pay-paid"],
    ["a capture not booked", (e) => e.ledger.splice(0, 2), /ledger agrees with the gateway/, "pay-paid"],
    [
      "a refund booked twice",
      (e) => e.ledger.push(...e.ledger.slice(-2)),
      /ledger agrees with the gateway/,
      "pay-returned",
    ],
    [
      "a payment that knows less than the gateway",
      (e) => (payment(e, "paid").state = "AUTHORIZED"),
      /payments agrees/,
      "pay-paid",
    ],
    ["a payment of another amount", (e) => (payment(e, "paid").amountMinor = 400n), /payments agrees/, "pay-paid"],
    ["a charge that payments forgot", (e) => e.payments.splice(0, 1), /payments agrees/, "paid"],
    ["an attempt without an end", (e) => (the(e.attempts).isFinished = false), /saga log/, "paid"],
    ["a step that is not in the log", (e) => e.attempts.splice(3, 1), /saga log/, "paid"],
    ["an attempt that is not in the log", (e) => (the(e.attempts).number = 2), /saga log/, "paid"],
    ["a step never undone", (e) => e.attempts.splice(6, 1), /saga log/, "declined"],
    ["a saga under way", (e) => (the(e.sagas).isFinished = false), /saga log/, "paid"],
    ["a stuck saga", (e) => (the(e.sagas).isStuck = true), /saga log/, "paid"],
    ["money given back by no saga", (e) => e.sagas.splice(3, 1), /saga log/, "returned"],
    ["an event waiting in the outbox", (e) => (the(e.outbox).isPublished = false), /is published/, "ORDERS-paid-1"],
    ["an event marked and never stored", (e) => e.stored.splice(0, 1), /is published/, "ORDERS-paid-1"],
    ["an event without a public twin", (e) => e.outbox.splice(0, 1), /is published/, "paid"],
    ["a number that is missing", (e) => e.stored.splice(0, 1), /count from 1/, "paid"],
    ["two events of one number", (e) => (the(e.stored).sequence = 2n), /count from 1/, "paid"],
    ["a level nobody was told of", (e) => (the(e.stock).version = 7n), /count from 1/, "p-1"],
    [
      "an event never received",
      (e) => the(e.consumers).received.splice(2, 1),
      /applies every event once/,
      "INVENTORY-p-1-3",
    ],
    [
      "an event received twice",
      (e) => the(e.consumers).received.push("INVENTORY-p-1-3"),
      /applies every event once/,
      "",
    ],
    ["an event not applied", (e) => the(e.consumers).applied.set("p-1", 5n), /applies every event once/, "p-1"],
    ["a delivery not acknowledged", (e) => (the(e.consumers).unacknowledged = 1), /applies every event once/, ""],
    ["a message not delivered", (e) => (the(e.consumers).pending = 1), /applies every event once/, ""],
    [
      "a dead letter",
      (e) => e.deadLetters.push({ service: "catalog", subject: "shop.x.v1.Y", eventId: "dead" }),
      /applies every event/,
      "dead",
    ],
    ["a catalog that shows it sold out", (e) => (the(e.availability).isAvailable = false), /catalog shows/, "p-1"],
  ];

test("finds nothing in a shop that is in order", () => {
  assert.deepEqual(violationsIn(soundEvidence()), []);
});

test("lets an event be in its stream more than once", () => {
  const evidence = soundEvidence();
  evidence.stored.push(...structuredClone(evidence.stored));
  assert.deepEqual(violationsIn(evidence), []);
});

for (const [what, corrupt, invariant, id] of CORRUPTIONS) {
  test(`finds ${what}`, () => {
    const evidence = soundEvidence();
    corrupt(evidence);
    const found = violationsIn(evidence).filter((violation) => invariant.test(violation.invariant));
    assert.ok(found.length > 0, "it went unnoticed");
    if (id)
      assert.ok(
        found.some(({ ids }) => ids.includes(id)),
        `it named ${JSON.stringify(found)}`,
      );
  });
}
