/** What events tell of money, as it is compared with payments' books. */
import assert from "node:assert/strict";
import { PaymentCaptured, PaymentVoided } from "@row/gen/grpc/shop/payments/v1/payments_events.ts";
import { toMoney } from "@row/runtime/money.ts";
import { test } from "vitest";
import { toldAmount, wrongAmount } from "../src/experiments/paid-amounts.ts";

const PAYMENT = "0198c5a0-0000-7abc-8def-0123456789ab";

const BOOKED = new Map([[PAYMENT, 1_290n]]);

function captured(minor: bigint, paymentId = PAYMENT) {
  const message = PaymentCaptured.create({ paymentId, amount: toMoney(minor) });
  const told = toldAmount(PaymentCaptured.$type, PaymentCaptured.encode(message).finish());
  assert.ok(told);
  return told;
}

test("an amount that the books know is right, another one or that of no payment is told with both", () => {
  assert.equal(wrongAmount([captured(1_290n)], BOOKED), undefined);
  const wrong = wrongAmount([captured(1_290n), captured(1_390n)], BOOKED);
  const example = `payment ${PAYMENT}: shop.payments.v1.PaymentCaptured tells 13.90 EUR, the books 12.90 EUR`;
  assert.deepEqual(wrong, { invariant: "one-event", example });
  const unknown = wrongAmount([captured(1n, "0198c5a0-0000-7abc-8def-000000000000")], BOOKED);
  assert.match(unknown?.example ?? "", /the books no such payment$/);
});

test("events of other types, and those that nobody can decode, tell no amount", () => {
  assert.equal(toldAmount(PaymentVoided.$type, PaymentVoided.encode(PaymentVoided.create({})).finish()), undefined);
  assert.equal(toldAmount(PaymentCaptured.$type, Uint8Array.of(0xff)), undefined);
});
