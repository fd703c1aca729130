import type {
  RefundOrderPaymentRequest,
  RefundOrderPaymentResponse,
} from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import type { Dependencies } from "../dependencies.ts";
import { movePayment } from "../move-payment.ts";
import { REFUND } from "../payment.ts";

export function refundOrderPayment(dependencies: Dependencies) {
  return async ({ orderId }: RefundOrderPaymentRequest): Promise<RefundOrderPaymentResponse> => {
    await movePayment(dependencies, REFUND, orderId, await dependencies.store.byOrder(orderId));
    return {};
  };
}
