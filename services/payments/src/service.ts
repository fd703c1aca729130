/** The RPCs of PaymentService. */
import type { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import type { Handlers } from "@row/runtime/rpc/handler.ts";
import type { Dependencies } from "./dependencies.ts";
import { authorizePayment } from "./rpc/authorize-payment.ts";
import { capturePayment } from "./rpc/capture-payment.ts";
import { getPayment } from "./rpc/get-payment.ts";
import { refundOrderPayment } from "./rpc/refund-order-payment.ts";
import { refundPayment } from "./rpc/refund-payment.ts";
import { voidPayment } from "./rpc/void-payment.ts";

export function paymentService(dependencies: Dependencies): Handlers<PaymentServiceService> {
  return {
    authorizePayment: authorizePayment(dependencies),
    capturePayment: capturePayment(dependencies),
    voidPayment: voidPayment(dependencies),
    refundOrderPayment: refundOrderPayment(dependencies),
    getPayment: getPayment(dependencies),
    refundPayment: refundPayment(dependencies),
  };
}
