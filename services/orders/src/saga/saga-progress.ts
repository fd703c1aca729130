/** One step taken: what ended, what begins and what it means for the order. The driver does the calls and saves. */
import { type Change, changeOf } from "../change.ts";
import { cancel, type Order, type OrderEvent } from "../order.ts";
import { afterAttempt, beforeForward, isFinished, type SagaState, type StepOutcome, waitBefore } from "./saga.ts";
import type { SagaRecord } from "./saga-record.ts";
import type { SagaData } from "./step.ts";

/** From this wait on the slot is given back; polling takes the saga up when it is due, so that a dead callee holds no slots. */
const PUT_DOWN_FROM_MS = 400;

/** An attempt at a step, as the log names it. */
export interface Attempt {
  readonly step: string;
  readonly undo: boolean;
  readonly number: number;
}

/** What an attempt brought. */
export interface Attempted {
  readonly outcome: StepOutcome;
  readonly data: SagaData;
  readonly servedBy: string;
}

/** What is to be saved. */
export interface Progress {
  readonly saga: SagaRecord;
  readonly next: SagaState;
  readonly data: SagaData;
  readonly ended: (Attempt & { readonly outcome: StepOutcome; readonly servedBy: string }) | undefined;
  readonly begun: Attempt | undefined;
  /** Until the next attempt. */
  readonly waitMs: number;
  /** Let go of the saga meanwhile: a process with a free slot takes it up when its time has come. */
  readonly putsDown: boolean;
  /** What happens to the order; undefined between the steps. */
  readonly change: Change | undefined;
  /** Begin cancelling what was just confirmed. */
  readonly cancelsNow: boolean;
}

/** What to save: how the attempt ended, if there was one, and what comes next. */
export function decide(saga: SagaRecord, order: Order, attempted: Attempted | undefined): Progress {
  const circumstances = {
    isOverdue: performance.now() > saga.overdueAt,
    isCancelRequested: saga.isCancelRequested,
    mayBeAhead: saga.mayBeAhead,
  };
  const decided = attempted
    ? afterAttempt(saga.definition, saga.state, attempted.outcome, circumstances)
    : beforeForward(saga.definition, saga.state, circumstances);
  const waitMs = attempted && !isFinished(decided) ? waitBefore(decided) : 0;
  const putsDown = waitMs >= PUT_DOWN_FROM_MS;
  const begins = !putsDown && !isFinished(decided);
  const next = begins ? { ...decided, attempt: decided.attempt + 1 } : decided;
  const data = attempted?.data ?? saga.data;
  const event = eventOf(saga, order, next, data);
  return {
    saga,
    next,
    data,
    ended: attempted && {
      ...attemptOf(saga, saga.state),
      outcome: attempted.outcome,
      servedBy: attempted.servedBy,
    },
    begun: begins ? attemptOf(saga, next) : undefined,
    waitMs,
    putsDown,
    change: event && changeOf(order.id, order, [event]),
    cancelsNow: event?.type === "order-confirmed" && saga.isCancelRequested,
  };
}

/** The attempt that a state stands for. */
export function attemptOf({ definition }: Pick<SagaRecord, "definition">, state: SagaState): Attempt {
  const step = definition.steps[state.step]?.name ?? "";
  return { step, undo: state.direction === "backward", number: state.attempt };
}

/** What the end of a saga means for the order. */
function eventOf({ definition }: SagaRecord, order: Order, next: SagaState, data: SagaData): OrderEvent | undefined {
  if (next.direction === "failed") return cancel(order, next.reason);
  return next.direction === "succeeded" ? definition.succeeded(order, data) : undefined;
}
