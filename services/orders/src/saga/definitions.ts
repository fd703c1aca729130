/** The sagas of an order. A change of steps is a new version: sagas under way keep the one they began with. */
import { toMoney } from "@row/runtime/money.ts";
import { cancel, confirm, type Order } from "../order.ts";
import { CANCELLED_BY_CUSTOMER } from "./saga.ts";
import { defineSaga, type OrderSaga, step } from "./step.ts";

/** Reserve, hold the money, charge, sell. */
export const PLACE_ORDER = defineSaga({
  name: "place-order",
  version: 1,
  steps: [
    step("reserve-stock", {
      run: ({ inventory }, { order }, options) =>
        inventory.reserveStock({ orderId: order.id, items: quantities(order) }, options),
      undo: ({ inventory }, { order }, options) => inventory.releaseStock({ orderId: order.id }, options),
    }),
    step("authorize-payment", {
      run: async ({ payments }, { order, data }, options) => {
        const { id: orderId, customerId, totalMinor } = order;
        const { paymentToken = "" } = data;
        const asked = { orderId, customerId, amount: toMoney(totalMinor), paymentToken };
        const { paymentId } = await payments.authorizePayment(asked, options);
        return { paymentId };
      },
      undo: ({ payments }, { order }, options) => payments.voidPayment({ orderId: order.id }, options),
    }),
    step("capture-payment", {
      run: ({ payments }, { order }, options) => payments.capturePayment({ orderId: order.id }, options),
    }),
    step("commit-stock", {
      run: ({ inventory }, { order }, options) => inventory.commitStock({ orderId: order.id }, options),
    }),
  ],
  pivot: "capture-payment",
  succeeded: (order, { paymentId = "" }) => confirm(order, paymentId),
});

/** After the charge: give the money back, then put the goods back. */
export const CANCEL_ORDER = defineSaga({
  name: "cancel-order",
  version: 1,
  steps: [
    step("refund-payment", {
      run: ({ payments }, { order }, options) => payments.refundOrderPayment({ orderId: order.id }, options),
    }),
    step("return-stock", {
      run: ({ inventory }, { order }, options) => inventory.returnStock({ orderId: order.id }, options),
    }),
  ],
  pivot: undefined,
  succeeded: (order) => cancel(order, CANCELLED_BY_CUSTOMER),
});

function quantities(order: Order) {
  return order.items.map(({ productId, quantity }) => ({ productId, quantity: BigInt(quantity) }));
}

/** Every definition that this code can drive. */
export const DEFINITIONS: readonly OrderSaga[] = [PLACE_ORDER, CANCEL_ORDER];

/** The definition that a stored saga began with; undefined for one that only newer code knows. */
export function definitionOf(name: string, version: number): OrderSaga | undefined {
  return DEFINITIONS.find((definition) => definition.name === name && definition.version === version);
}
