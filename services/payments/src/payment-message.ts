/** Payment → shop.payments.v1: the resource, and the events. */
import { type Payment as PaymentMessage, Payment_State as State } from "@row/gen/grpc/shop/payments/v1/payment.ts";
import {
  PaymentAuthorized,
  PaymentCaptured,
  PaymentDeclined,
  PaymentRefunded,
  PaymentVoided,
} from "@row/gen/grpc/shop/payments/v1/payments_events.ts";
import { event, type OutboxEvent } from "@row/runtime/events/outbox.ts";
import { toMoney } from "@row/runtime/money.ts";
import type { Payment, PaymentState } from "./payment.ts";
import type { NewPayment } from "./payment-store.ts";

export function toMessage(payment: Payment): PaymentMessage {
  return {
    id: payment.id,
    orderId: payment.orderId,
    amount: toMoney(payment.amountMinor),
    state: State[payment.state],
    declineReason: payment.declineReason,
    createTime: payment.createTime,
    updateTime: payment.updateTime,
  };
}

/** A payment's version after each state: every payment goes through at most three. */
const VERSIONS: Readonly<Record<PaymentState, number>> = {
  AUTHORIZED: 1,
  DECLINED: 1,
  CAPTURED: 2,
  VOIDED: 2,
  REFUNDED: 3,
};

/** The event that says a payment is now in a state. */
export function toEvent(payment: NewPayment | Payment, state: PaymentState, version = VERSIONS[state]): OutboxEvent {
  const ids = { paymentId: payment.id, orderId: payment.orderId };
  const paid = { ...ids, amount: toMoney(payment.amountMinor) };
  switch (state) {
    case "AUTHORIZED":
      return event(PaymentAuthorized, payment.id, version, paid);
    case "DECLINED":
      return event(PaymentDeclined, payment.id, version, { ...paid, reason: payment.declineReason });
    case "CAPTURED":
      return event(PaymentCaptured, payment.id, version, paid);
    case "VOIDED":
      return event(PaymentVoided, payment.id, version, ids);
    case "REFUNDED":
      return event(PaymentRefunded, payment.id, version, paid);
  }
}
