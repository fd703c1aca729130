import type { GetPaymentRequest, GetPaymentResponse } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { ownedBy } from "@row/runtime/rpc/ownership.ts";
import type { Dependencies } from "../dependencies.ts";
import { PaymentNotFound } from "../payment.ts";
import { toMessage } from "../payment-message.ts";

export function getPayment({ store }: Dependencies) {
  return async ({ id }: GetPaymentRequest, call: Call): Promise<GetPaymentResponse> => {
    const missing = () => new PaymentNotFound(id);
    const payment = await ownedBy(call, await store.byId(id), { db: store.pool, target: `payment:${id}`, missing });
    return { payment: toMessage(payment) };
  };
}
