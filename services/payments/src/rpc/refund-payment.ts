import type { RefundPaymentRequest, RefundPaymentResponse } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { type IdempotentHandler, idempotent } from "@row/runtime/database/idempotency.ts";
import type { Dependencies } from "../dependencies.ts";
import { movePayment } from "../move-payment.ts";
import { mustMove, PaymentNotFound, REFUND } from "../payment.ts";
import { toMessage } from "../payment-message.ts";
import { askRefund } from "../refund-requests.ts";

export function refundPayment(
  dependencies: Dependencies,
): IdempotentHandler<RefundPaymentRequest, RefundPaymentResponse> {
  const { store } = dependencies;
  return idempotent(store.pool, async ({ id, reason }, call, remember) => {
    const payment = await store.byId(id);
    if (!payment) throw new PaymentNotFound(id);
    const asked = { paymentId: payment.id, actor: call.actor, reason, correlationId: call.correlationId };
    if (mustMove(REFUND, payment.orderId, payment.state)) {
      await askRefund(store.pool, asked);
      crashPoint("payments.after-ask-refund");
      await movePayment(dependencies, REFUND, payment.orderId, payment);
    }
    const refunded = await store.byId(id);
    const response = { payment: toMessage(refunded ?? payment) };
    return (await store.rememberRefund(asked, remember(response))) ? response : undefined;
  });
}
