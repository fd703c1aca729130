import type { CapturePaymentRequest, CapturePaymentResponse } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import type { Dependencies } from "../dependencies.ts";
import { movePayment } from "../move-payment.ts";
import { CAPTURE } from "../payment.ts";

export function capturePayment(dependencies: Dependencies) {
  return async ({ orderId }: CapturePaymentRequest): Promise<CapturePaymentResponse> => {
    await movePayment(dependencies, CAPTURE, orderId, await dependencies.store.byOrder(orderId));
    return {};
  };
}
