import { randomUUIDv7 } from "node:crypto";
import type {
  AuthorizePaymentRequest,
  AuthorizePaymentResponse,
} from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { CURRENCY } from "@row/runtime/currency.ts";
import { fromPrice } from "@row/runtime/money.ts";
import type { Dependencies } from "../dependencies.ts";
import { misreadAuthorization } from "../injected-bugs.ts";
import { declineReason, PaymentClosed, PaymentDeclined, repeatedAuthorization } from "../payment.ts";
import { toEvent } from "../payment-message.ts";
import type { NewPayment } from "../payment-store.ts";

export function authorizePayment({ store, gateway }: Dependencies) {
  return async (request: AuthorizePaymentRequest): Promise<AuthorizePaymentResponse> => {
    const { orderId, customerId, paymentToken } = request;
    const amountMinor = fromPrice(request.amount, "amount");
    // No look at what is stored comes first: a repeat gets the gateway's first answer, and then finds the payment there.
    crashPoint("payments.before-authorize");
    const answer = misreadAuthorization(await gateway.authorize(orderId, amountMinor, CURRENCY, paymentToken));
    crashPoint("payments.after-authorize");
    if (answer.status === "refused" || answer.status === "voided") {
      const before = repeatedAuthorization(await store.byOrder(orderId));
      if (before) return { paymentId: before };
      throw new PaymentClosed("authorize", orderId, "VOIDED");
    }
    const isDeclined = answer.status === "declined";
    const payment: NewPayment = {
      id: randomUUIDv7(),
      orderId,
      customerId,
      amountMinor,
      state: isDeclined ? "DECLINED" : "AUTHORIZED",
      declineReason: isDeclined ? declineReason(answer.declineCode) : "",
    };
    const isNew = await store.create(payment, toEvent(payment, payment.state));
    crashPoint("payments.after-authorize-commit");
    if (isNew && payment.declineReason) throw new PaymentDeclined(orderId, payment.declineReason);
    if (isNew) return { paymentId: payment.id };
    // A twin was faster, or the payment was voided meanwhile: what is stored is the answer.
    return { paymentId: repeatedAuthorization(await store.byOrder(orderId)) ?? payment.id };
  };
}
