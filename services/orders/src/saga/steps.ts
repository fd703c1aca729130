/** What each step of a saga asks of whom. Every call is idempotent at the callee by the order's id. */
import { status } from "@grpc/grpc-js";
import type { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import type { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import { toMoney } from "@row/runtime/money.ts";
import type { CallOptions, PromiseClient } from "@row/runtime/rpc/client.ts";
import { RpcError } from "@row/runtime/rpc/status.ts";
import type { Order } from "../order.ts";
import type { StepOutcome } from "./saga.ts";
import type { SagaData } from "./saga-record.ts";

export interface Callees {
  readonly inventory: PromiseClient<typeof InventoryServiceService>;
  readonly payments: PromiseClient<typeof PaymentServiceService>;
}

/** What a step learned that later steps or the order need. */
type Learned = Partial<SagaData>;
type Call = (order: Order, data: SagaData, options: CallOptions) => Promise<Learned | undefined>;

/** A step that is done, and undone where its definition says it can be. */
interface Step {
  readonly run: Call;
  readonly undo?: Call;
}

/** Every step by its name. */
export type Steps = Readonly<Record<string, Step>>;

const nothing = () => undefined;

export function stepsWith({ inventory, payments }: Callees): Steps {
  return {
    "reserve-stock": {
      run: (order, _data, options) =>
        inventory.reserveStock({ orderId: order.id, items: quantities(order) }, options).then(nothing),
      undo: (order, _data, options) => inventory.releaseStock({ orderId: order.id }, options).then(nothing),
    },
    "authorize-payment": {
      run: (order, data, options) =>
        payments
          .authorizePayment(
            {
              orderId: order.id,
              customerId: order.customerId,
              amount: toMoney(order.totalMinor),
              paymentToken: data.paymentToken ?? "",
            },
            options,
          )
          .then(({ paymentId }) => ({ paymentId })),
      undo: (order, _data, options) => payments.voidPayment({ orderId: order.id }, options).then(nothing),
    },
    "capture-payment": {
      run: (order, _data, options) => payments.capturePayment({ orderId: order.id }, options).then(nothing),
    },
    "commit-stock": {
      run: (order, _data, options) => inventory.commitStock({ orderId: order.id }, options).then(nothing),
    },
    "refund-payment": {
      run: (order, _data, options) => payments.refundOrderPayment({ orderId: order.id }, options).then(nothing),
    },
    "return-stock": {
      run: (order, _data, options) => inventory.returnStock({ orderId: order.id }, options).then(nothing),
    },
  };
}

function quantities(order: Order) {
  return order.items.map(({ productId, quantity }) => ({ productId, quantity: BigInt(quantity) }));
}

/** Codes that say: the callee has decided, and decided no. Whatever else may have happened or may pass. */
const REFUSALS: ReadonlySet<status> = new Set([
  status.FAILED_PRECONDITION,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.INVALID_ARGUMENT,
  status.OUT_OF_RANGE,
]);

/** How a call that threw ended, as the saga sees it. */
export function outcomeOf(error: unknown): StepOutcome {
  if (!(error instanceof RpcError)) throw error;
  if (REFUSALS.has(error.code)) return { kind: "refused", reason: error.reason || status[error.code] };
  return { kind: "unknown", reason: error.reason || status[error.code] };
}
