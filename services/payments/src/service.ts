/** The RPCs of PaymentService. */
import type { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import type { Call } from "@row/runtime/call.ts";
import type { Handlers } from "@row/runtime/handler.ts";
import type { Origin } from "@row/runtime/outbox.ts";
import type { Relay } from "@row/runtime/outbox-relay.ts";
import type { CardGateway } from "./card-gateway.ts";
import type { PaymentStore } from "./payment-store.ts";
import { authorizePayment } from "./rpc/authorize-payment.ts";
import { getPayment, refundPayment } from "./rpc/end-user.ts";
import { capturePayment, refundOrderPayment, voidPayment } from "./rpc/move-payment.ts";

export interface PaymentDependencies {
  readonly store: PaymentStore;
  readonly gateway: CardGateway;
  readonly relay: Relay;
  readonly origin: (call: Pick<Call, "correlationId" | "span">) => Origin;
}

export function paymentService(dependencies: PaymentDependencies): Handlers<typeof PaymentServiceService> {
  return {
    authorizePayment: authorizePayment(dependencies),
    capturePayment: capturePayment(dependencies),
    voidPayment: voidPayment(dependencies),
    refundOrderPayment: refundOrderPayment(dependencies),
    getPayment: getPayment(dependencies),
    refundPayment: refundPayment(dependencies),
  };
}
