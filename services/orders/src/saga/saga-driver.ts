/** Drives one saga whose lease this process holds: does the calls that it decides on, and saves each step before and after. */
import { setTimeout as sleep } from "node:timers/promises";
import { runInBackground } from "@row/runtime/call.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import type { Logger } from "@row/runtime/telemetry/logger.ts";
import { SpanKind, type Telemetry } from "@row/runtime/telemetry/telemetry.ts";
import type { SagaMetrics } from "../metrics.ts";
import type { Order } from "../order.ts";
import type { OrderStore } from "../order-store.ts";
import { isFinished, type SagaState } from "./saga.ts";
import { type Attempted, attemptOf, decide, type Progress } from "./saga-progress.ts";
import { isBegun, type SagaRecord, type Worker } from "./saga-record.ts";
import type { SagaStore } from "./saga-store.ts";
import { type Callees, outcomeOf } from "./step.ts";

export interface SagaDriverOptions {
  readonly orders: OrderStore;
  readonly sagas: SagaStore;
  readonly callees: Callees;
  readonly worker: Worker;
  readonly telemetry: Telemetry;
  readonly metrics: Pick<SagaMetrics, "finished" | "attempted">;
  readonly log: Logger;
}

/** A saga in hand, and its order as last seen. */
interface Held {
  readonly saga: SagaRecord;
  readonly order: Order;
}

export class SagaDriver {
  readonly #options: SagaDriverOptions;

  constructor(options: SagaDriverOptions) {
    this.#options = options;
  }

  /** Resolves when the saga has ended, was put down, or belongs to somebody else; after a step when `signal` aborts. */
  async drive(saga: SagaRecord, known: Order | undefined, signal: AbortSignal): Promise<void> {
    const { telemetry, orders, worker } = this.#options;
    const { correlationId, traceparent, tracestate, baggage } = saga.origin;
    const span = telemetry.startSpan(`saga ${saga.definition.name}`, SpanKind.INTERNAL, traceparent, tracestate);
    span.setAttribute("order.id", saga.orderId);
    try {
      await runInBackground({ producer: worker.name, correlationId, baggage, span }, async () => {
        const order = known ?? (await orders.get(saga.orderId));
        if (!order) throw new Error(`Cannot drive the saga of order "${saga.orderId}": there is no such order`);
        await this.#steps({ saga, order }, signal);
      });
    } finally {
      span.end();
    }
  }

  async #steps(taken: Held, signal: AbortSignal): Promise<void> {
    let held: Held | undefined = taken;
    let isOurs = isBegun(taken.saga);
    while (held && !isFinished(held.saga.state)) {
      const { saga } = held;
      // Not begun yet: whoever takes it next finds it as it is.
      if (!isOurs && signal.aborted) return;
      // A saga taken over in the middle of an attempt: nobody knows how that ended.
      const attempted: Attempted | undefined = isOurs
        ? await this.#attempt(saga, held.order)
        : saga.state.attempt > 0 && !saga.isWaiting
          ? { outcome: { kind: "unknown", reason: "WORKER_GONE" }, data: saga.data, servedBy: "" }
          : undefined;
      isOurs = true;
      held = await this.#save(held, attempted, signal);
      if (signal.aborted) return;
    }
  }

  async #attempt(saga: SagaRecord, order: Order): Promise<Attempted> {
    const { step: name, undo } = attemptOf(saga, saga.state);
    const step = saga.definition.steps[saga.state.step];
    const run = undo ? step?.undo : step?.run;
    if (!run) throw new Error(`Cannot run step ${saga.state.step} of order "${order.id}": "${name}" cannot be undone`);
    const point = undo ? `undo-${name}` : name;
    let servedBy = "";
    const onServedBy = (who: string) => {
      servedBy = who;
    };
    crashPoint(`orders.before-${point}`);
    try {
      const learned = await run(this.#options.callees, { order, data: saga.data }, { onServedBy });
      crashPoint(`orders.after-${point}`);
      return { outcome: { kind: "ok" }, data: { ...saga.data, ...learned }, servedBy };
    } catch (error) {
      crashPoint(`orders.after-${point}`);
      return { outcome: outcomeOf(error), data: saga.data, servedBy };
    }
  }

  /** Decides and saves, anew when the saga was changed meanwhile. Undefined when it is not held here any more. */
  async #save(held: Held, attempted: Attempted | undefined, signal: AbortSignal): Promise<Held | undefined> {
    const { orders, sagas } = this.#options;
    let { saga, order } = held;
    for (;;) {
      const progress = decide(saga, order, attempted);
      if (await this.#saveSafely(progress, signal)) {
        this.#tell(progress);
        if (progress.putsDown) return undefined;
        if (progress.waitMs > 0) await sleep(progress.waitMs, undefined, { signal }).catch(() => {});
        const { next: state, data } = progress;
        return { saga: { ...saga, isWaiting: false, state, data, revision: saga.revision + 1n }, order };
      }
      const fresh = await sagas.find(saga.orderId, saga.definition.name);
      const freshOrder = await orders.get(saga.orderId);
      if (!fresh || !freshOrder || fresh.fence !== saga.fence) return undefined;
      // The answer to an earlier try was lost, not the write; or the database has forgotten a step: go on from there.
      if (!isSameAttempt(fresh.state, saga.state)) {
        orders.announce(saga.orderId);
        return { saga: { ...fresh, mayBeAhead: true }, order: freshOrder };
      }
      saga = { ...fresh, mayBeAhead: saga.mayBeAhead };
      order = freshOrder;
    }
  }

  /** Saves; trouble with the database is waited out for as long as the lease may hold. */
  async #saveSafely(progress: Progress, signal: AbortSignal): Promise<boolean> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#options.sagas.save(progress);
      } catch (error) {
        if (tries === 10 || signal.aborted) throw error;
        await sleep(200);
      }
    }
  }

  #tell(progress: Progress): void {
    const { metrics, orders, log } = this.#options;
    const { saga, next, ended } = progress;
    if (progress.change) orders.announce(saga.orderId);
    metrics.attempted(progress);
    if (isFinished(next)) metrics.finished(progress);
    if (next.stuck && !saga.state.stuck) {
      log.error(
        { orderId: saga.orderId, saga: saga.definition.name, step: ended?.step, outcome: ended?.outcome },
        "a saga is stuck: a step that must work was refused, and is tried again",
      );
    }
  }
}

function isSameAttempt(a: SagaState, b: SagaState): boolean {
  return a.direction === b.direction && a.step === b.step && a.attempt === b.attempt;
}
