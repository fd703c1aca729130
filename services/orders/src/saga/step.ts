/** How a saga of an order is written down: what each step asks of whom, and what the end means for the order. */
import { status } from "@grpc/grpc-js";
import type { InventoryServiceService } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import type { PaymentServiceService } from "@row/gen/grpc/shop/payments/v1/payment_service.ts";
import type { CallOptions, PromiseClient } from "@row/runtime/rpc/client.ts";
import { RpcError } from "@row/runtime/rpc/status.ts";
import type { Order, OrderEvent } from "../order.ts";
import type { SagaDefinition, StepOutcome } from "./saga.ts";

/** Who the steps call. */
export interface Callees {
  readonly inventory: PromiseClient<typeof InventoryServiceService>;
  readonly payments: PromiseClient<typeof PaymentServiceService>;
}

/** What the steps need and learn. */
export interface SagaData {
  readonly paymentToken?: string;
  readonly paymentId?: string;
}

/** A saga under way, as its steps see it. */
interface Underway {
  readonly order: Order;
  readonly data: SagaData;
}

/** A call that is idempotent at the callee by the order's id. Answers what later steps or the order need to know. */
type StepCall = (callees: Callees, saga: Underway, options: CallOptions) => Promise<SagaData>;

/** A step, and how it is undone if it can be. */
export interface Step<Name extends string = string> {
  readonly name: Name;
  readonly run: StepCall;
  readonly undo?: StepCall;
  readonly canUndo: boolean;
}

/** The definition of a saga of an order. */
export interface OrderSaga extends SagaDefinition {
  readonly steps: readonly Step[];
  /** What its success means for the order. */
  readonly succeeded: (order: Order, data: SagaData) => OrderEvent;
}

export function step<const Name extends string>(name: Name, calls: Pick<Step, "run" | "undo">): Step<Name> {
  return { name, ...calls, canUndo: calls.undo !== undefined };
}

/** Defines a saga; `pivot` names the step from which there is no way back, undefined when there is none from the start. */
export function defineSaga<const Name extends string>(
  saga: Omit<OrderSaga, "steps" | "pivot"> & {
    readonly steps: readonly Step<Name>[];
    readonly pivot: NoInfer<Name> | undefined;
  },
): OrderSaga {
  return { ...saga, pivot: saga.steps.findIndex(({ name }) => name === saga.pivot) };
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
