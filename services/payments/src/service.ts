/** The RPCs of PaymentService. */

import type { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import type { Handlers } from "@row/runtime/rpc/handler.ts";
import type { Dependencies } from "./dependencies.ts";
import { authorizePayment } from "./rpc/authorize-payment.ts";
import { getPayment, refundPayment } from "./rpc/end-user.ts";
import { capturePayment, refundOrderPayment, voidPayment } from "./rpc/move-payment.ts";

export function paymentService(dependencies: Dependencies): Handlers<typeof PaymentServiceService> {
  return {
    authorizePayment: authorizePayment(dependencies),
    capturePayment: capturePayment(dependencies),
    voidPayment: voidPayment(dependencies),
    refundOrderPayment: refundOrderPayment(dependencies),
    getPayment: getPayment(dependencies),
    refundPayment: refundPayment(dependencies),
  };
}
