import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { GATEWAY_RECEIVABLE, postings } from "./ledger.ts";
import {
  CAPTURE,
  declineReason,
  type Move,
  mustMove,
  PaymentClosed,
  type PaymentState,
  REFUND,
  VOID,
} from "./payment.ts";

const amount = fc.bigInt({ min: 1n, max: 10n ** 15n });
const sum = (numbers: readonly bigint[]) => numbers.reduce((total, number) => total + number, 0n);

test("every transaction balances, and a refund takes back what the charge brought", () => {
  fc.assert(
    fc.property(amount, (minor) => {
      const charge = postings("CAPTURED", minor);
      const refund = postings("REFUNDED", minor);
      assert.equal(sum(charge.map((posting) => posting.amountMinor)), 0n);
      assert.equal(sum(refund.map((posting) => posting.amountMinor)), 0n);
      const owed = [...charge, ...refund].filter(({ account }) => account === GATEWAY_RECEIVABLE);
      assert.deepEqual(
        owed.map((posting) => posting.amountMinor),
        [minor, -minor],
      );
    }),
  );
});

test("only charging and refunding move money", () => {
  for (const state of ["AUTHORIZED", "DECLINED", "VOIDED"] as const) assert.deepEqual(postings(state, 5n), []);
});

const moves: readonly [Move, PaymentState | undefined, "moves" | "done" | "closed"][] = [
  [CAPTURE, "AUTHORIZED", "moves"],
  [CAPTURE, "CAPTURED", "done"],
  [CAPTURE, "VOIDED", "closed"],
  [CAPTURE, "DECLINED", "closed"],
  [CAPTURE, undefined, "closed"],
  [VOID, "AUTHORIZED", "moves"],
  [VOID, "VOIDED", "done"],
  [VOID, "DECLINED", "done"],
  [VOID, "REFUNDED", "done"],
  [VOID, "CAPTURED", "closed"],
  [REFUND, "CAPTURED", "moves"],
  [REFUND, "REFUNDED", "done"],
  [REFUND, "AUTHORIZED", "closed"],
  [REFUND, "VOIDED", "closed"],
];
for (const [move, state, expected] of moves) {
  test(`${move.verb} of a payment that is ${state ?? "not there"}: ${expected}`, () => {
    if (expected === "closed") assert.throws(() => mustMove(move, "o", state), PaymentClosed);
    else assert.equal(mustMove(move, "o", state), expected === "moves");
  });
}

test("a decline code that nobody knows yet is a declined card", () => {
  assert.equal(declineReason("insufficient_funds"), "INSUFFICIENT_FUNDS");
  assert.equal(declineReason("stolen"), "CARD_DECLINED");
});
