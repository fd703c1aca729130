import { randomUUIDv7 } from "node:crypto";
import type { VoidPaymentRequest, VoidPaymentResponse } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import type { Dependencies } from "../dependencies.ts";
import { movePayment } from "../move-payment.ts";
import { PaymentClosed, VOID } from "../payment.ts";
import { toEvent } from "../payment-message.ts";
import type { NewPayment } from "../payment-store.ts";

/**
 * A void is asked of the gateway even for an order never seen: an authorization may be on its way there, past this
 * service's eyes, and the gateway's own tombstone is what stops it.
 */
export function voidPayment(dependencies: Dependencies) {
  const { store, gateway } = dependencies;
  return async ({ orderId }: VoidPaymentRequest): Promise<VoidPaymentResponse> => {
    const payment = await store.byOrder(orderId);
    if (payment) {
      await movePayment(dependencies, VOID, orderId, payment);
      return {};
    }
    crashPoint("payments.before-void");
    const answer = await gateway.move(orderId, "void");
    crashPoint("payments.after-void");
    if (answer.status === "refused") throw new PaymentClosed("void", orderId, "closed at the card gateway");
    const tombstone: NewPayment = {
      id: randomUUIDv7(),
      orderId,
      customerId: undefined,
      amountMinor: 0n,
      state: "VOIDED",
      declineReason: "",
    };
    const isNew = await store.create(tombstone, toEvent(tombstone, "VOIDED", 1));
    crashPoint("payments.after-void-commit");
    // The authorization was written in between: it is voided at the gateway, and now here.
    if (!isNew) await movePayment(dependencies, VOID, orderId, await store.byOrder(orderId));
    return {};
  };
}
