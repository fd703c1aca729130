import { CancelOrderRequest, CancelOrderResponse } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import type { Call } from "@row/runtime/call.ts";
import { once } from "@row/runtime/database/idempotency.ts";
import { DomainError } from "@row/runtime/domain-error.ts";
import { OrderNotFound, signedIn } from "../access.ts";
import { changeOf } from "../change.ts";
import type { Dependencies } from "../dependencies.ts";
import { requestCancellation } from "../order.ts";
import { toMessage } from "../order-message.ts";
import { CANCEL_ORDER } from "../saga/definitions.ts";
import { newSaga } from "../saga/saga-record.ts";

/** The order changed each time it was about to be cancelled. */
const TRIES = 5;

export function cancelOrder({ store, runner, relay, changes, worker, origin }: Dependencies) {
  return (request: CancelOrderRequest, call: Call): Promise<CancelOrderResponse> =>
    once(
      store.pool,
      call,
      { request: CancelOrderRequest, response: CancelOrderResponse },
      request,
      async (remember) => {
        for (let tries = 0; tries < TRIES; tries += 1) {
          const order = await store.get(request.id);
          if (!order || order.customerId !== signedIn(call).id) throw new OrderNotFound(request.id);
          const event = requestCancellation(order);
          if (!event) return { order: toMessage(order) };

          const wished = changeOf(order.id, order, [event]);
          const begins = order.state === "CONFIRMED";
          const slot = begins ? runner.takeSlot() : undefined;
          try {
            const isOurs = slot !== undefined;
            const from = origin(call);
            const beginning = {
              orderId: order.id,
              definition: CANCEL_ORDER,
              data: {},
              serviceVersion: worker.version,
              correlationId: call.correlationId,
              traceparent: from.traceparent ?? "",
              deadline: new Date(),
            };
            const record = newSaga(beginning, isOurs);
            const response = { order: toMessage(wished.order) };
            const saga = { record, isOurs };
            if (!(await store.requestCancellation(wished, order, saga, begins, remember(response), from))) continue;
            relay.wake();
            changes.announce(order.id);
            slot?.drive(record, wished.order);
            return response;
          } finally {
            slot?.giveBack();
          }
        }
        throw new DomainError(
          "aborted",
          "CONFLICT",
          `Cannot cancel order "${request.id}" just now: it keeps changing; try again`,
        );
      },
    );
}
