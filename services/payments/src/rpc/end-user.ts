/** What end users may do: look at their payments, and as an admin refund them. */
import {
  type GetPaymentRequest,
  type GetPaymentResponse,
  RefundPaymentRequest,
  RefundPaymentResponse,
} from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import { recordAct } from "@row/runtime/database/audit.ts";
import { callerOf, once } from "@row/runtime/database/idempotency.ts";
import type { Dependencies } from "../dependencies.ts";
import { mustMove, PaymentNotFound, REFUND } from "../payment.ts";
import { toMessage } from "../payment-message.ts";
import { askRefund } from "../refund-requests.ts";
import { movePayment } from "./move-payment.ts";

export function getPayment({ store }: Dependencies) {
  return async ({ id }: GetPaymentRequest, call: Call): Promise<GetPaymentResponse> => {
    const payment = await store.byId(id);
    const isOwn = payment?.customerId !== undefined && payment.customerId === call.user?.id;
    const isAdmin = call.user?.roles.includes("admin") ?? false;
    if (!payment || !(isOwn || isAdmin)) throw new PaymentNotFound(id);
    if (!isOwn) await recordAct(store.pool, call, { action: "payment.read", target: `payment:${payment.id}` });
    return { payment: toMessage(payment) };
  };
}

export function refundPayment(dependencies: Dependencies) {
  const { store } = dependencies;
  const types = { request: RefundPaymentRequest, response: RefundPaymentResponse };
  return (request: RefundPaymentRequest, call: Call): Promise<RefundPaymentResponse> =>
    once(store.pool, call, types, request, async (remember) => {
      const payment = await store.byId(request.id);
      if (!payment) throw new PaymentNotFound(request.id);
      if (mustMove(REFUND, payment.orderId, payment.state)) {
        await askRefund(store.pool, payment.id, callerOf(call), request.reason, call.correlationId);
        crashPoint("payments.after-ask-refund");
        await movePayment(dependencies, call, REFUND, payment.orderId, payment);
      }
      const refunded = await store.byId(request.id);
      const response = { payment: toMessage(refunded ?? payment) };
      await store.rememberRefund(remember(response), payment.id, call.correlationId, request.reason);
      return response;
    });
}
