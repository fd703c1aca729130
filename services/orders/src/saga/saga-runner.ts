/** Drives sagas: does the calls that the saga decides on, and saves each step before and after. */
import { setTimeout as sleep } from "node:timers/promises";
import { runInCall } from "@row/runtime/call.ts";
import { crashPoint } from "@row/runtime/crash-points.ts";
import type { Logger } from "@row/runtime/logger.ts";
import type { Origin } from "@row/runtime/outbox.ts";
import { SpanKind, type Telemetry, traceparent } from "@row/runtime/telemetry.ts";
import { WakeUp } from "@row/runtime/wake-up.ts";
import { change } from "../change.ts";
import type { Order, OrderEvent } from "../order.ts";
import type { OrderStore } from "../order-store.ts";
import type { SagaMetrics } from "../saga-metrics.ts";
import { PLACE_ORDER } from "./definitions.ts";
import { afterAttempt, beforeForward, isFinished, type Outcome, type SagaState, waitBefore } from "./saga.ts";
import type { SagaData, SagaRecord, Worker } from "./saga-record.ts";
import type { Attempt, Progress, SagaStore } from "./saga-store.ts";
import { outcomeOf, type Steps } from "./steps.ts";

export interface SagaRunnerOptions {
  readonly orders: OrderStore;
  readonly sagas: SagaStore;
  readonly steps: Steps;
  readonly worker: Worker;
  readonly telemetry: Telemetry;
  readonly metrics: Pick<SagaMetrics, "finished">;
  readonly log: Logger;
  /** Called after each commit that changed an order. */
  readonly onChange: (orderId: string) => void;
  /** Most sagas driven at once. */
  readonly concurrency: number;
}

/** How often it looks for sagas that others have let go of. */
const POLL_MS = 250;
/** Waiting sagas are taken when so many of the places are free: together, which costs less. */
const FREE_SHARE = 1 / 4;
const HEARTBEAT_MS = 5_000;
/** How long a stop waits for the calls in flight. */
const STOP_MS = 3_000;

/** What an attempt brought. */
interface Attempted {
  readonly outcome: Outcome;
  readonly data: SagaData;
  readonly servedBy: string;
}

/** A saga whose lease this process holds, and its order as last seen. */
interface Held {
  readonly saga: SagaRecord;
  readonly order: Order;
}

export class SagaRunner {
  readonly #options: SagaRunnerOptions;
  readonly #driving = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #bell = new WakeUp();
  #polling: Promise<void> | undefined;
  /** Whether some may wait for a place. */
  #isBehind = false;

  constructor(options: SagaRunnerOptions) {
    this.#options = options;
  }

  /** Starts to take sagas that nobody drives. */
  async start(): Promise<void> {
    await this.#options.sagas.heartbeat();
    await this.#options.sagas.releaseEarlierProcess();
    this.#polling = Promise.all([this.#poll(), this.#beat()]).then(() => {});
  }

  /** Whether one more saga may be driven here now. */
  get hasRoom(): boolean {
    return !this.#stopping.signal.aborted && this.#room > 0;
  }

  get #room(): number {
    return this.#options.concurrency - this.#driving.size;
  }

  /** Drives a saga whose lease this process holds. */
  drive(saga: SagaRecord, order: Order | undefined): void {
    const driving = this.#drive(saga, order)
      .catch((error: unknown) => {
        // The lease runs out and the saga is taken up again, here or elsewhere.
        this.#options.log.warn({ err: error, orderId: saga.orderId }, "a saga was put down");
      })
      .finally(() => {
        this.#driving.delete(driving);
        if (this.#isBehind && this.#room >= this.#options.concurrency * FREE_SHARE) this.#bell.ring();
      });
    this.#driving.add(driving);
  }

  /** Takes no more, lets the calls in flight end, and hands over what is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#bell.ring();
    await this.#polling;
    await Promise.race([Promise.allSettled(this.#driving), sleep(STOP_MS, undefined, { ref: false })]);
    await this.#options.sagas.release().catch(() => {}); // the leases run out by themselves
  }

  async #poll(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        const room = this.#room;
        const claimed = room > 0 ? await this.#options.sagas.claim(room) : [];
        for (const saga of claimed) this.drive(saga, undefined);
        this.#isBehind = claimed.length >= room;
      } catch (error) {
        this.#options.log.warn({ err: error }, "cannot look for sagas");
      }
      if (!this.#stopping.signal.aborted) await this.#bell.sleep(POLL_MS);
    }
  }

  async #beat(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await sleep(HEARTBEAT_MS, undefined, { signal: this.#stopping.signal }).catch(() => {});
      await this.#options.sagas.heartbeat().catch(() => {}); // the database is away: so are the sagas
    }
  }

  async #drive(saga: SagaRecord, known: Order | undefined): Promise<void> {
    const { telemetry } = this.#options;
    const span = telemetry.startSpan(`saga ${saga.definition.name}`, SpanKind.INTERNAL, saga.traceparent);
    span.setAttribute("order.id", saga.orderId);
    const context = { deadline: Number.POSITIVE_INFINITY, signal: undefined, authorization: undefined, servedBy: [] };
    try {
      await runInCall({ ...context, span, correlationId: saga.correlationId }, async () => {
        const order = known ?? (await this.#options.orders.get(saga.orderId));
        if (!order) throw new Error(`Cannot drive the saga of order "${saga.orderId}": there is no such order`);
        const origin = {
          correlationId: saga.correlationId,
          traceparent: traceparent(span),
          producer: this.#options.worker.name,
        };
        await this.#steps(saga, order, origin);
      });
    } finally {
      span.end();
    }
  }

  async #steps(taken: SagaRecord, order: Order, origin: Origin): Promise<void> {
    let held: Held | undefined = { saga: taken, order };
    let isBegun = known(taken);
    while (held && !isFinished(held.saga.state)) {
      const { saga } = held;
      // A saga taken over in the middle of an attempt: nobody knows how that ended.
      const attempted: Attempted | undefined = isBegun
        ? await this.#attempt(saga, held.order)
        : saga.state.attempt > 0
          ? { outcome: { kind: "unknown", reason: "WORKER_GONE" }, data: saga.data, servedBy: "" }
          : undefined;
      isBegun = true;
      held = await this.#save(held, attempted, origin);
      if (this.#stopping.signal.aborted) return;
    }
  }

  async #attempt(saga: SagaRecord, order: Order): Promise<Attempted> {
    const { name, undo } = attemptOf(saga);
    const step = this.#options.steps[name];
    const run = undo ? step?.undo : step?.run;
    if (!run) throw new Error(`Cannot run step "${name}" of order "${order.id}": it is not known here`);
    const point = undo ? `undo-${name}` : name;
    let servedBy = "";
    const onServedBy = (who: string) => {
      servedBy = who;
    };
    crashPoint(`orders.before-${point}`);
    try {
      const learned = await run(order, saga.data, { onServedBy });
      crashPoint(`orders.after-${point}`);
      return { outcome: { kind: "ok" }, data: { ...saga.data, ...learned }, servedBy };
    } catch (error) {
      crashPoint(`orders.after-${point}`);
      return { outcome: outcomeOf(error), data: saga.data, servedBy };
    }
  }

  /** Decides and saves, anew when the saga was changed meanwhile. Undefined when somebody else holds it. */
  async #save(held: Held, attempted: Attempted | undefined, origin: Origin): Promise<Held | undefined> {
    let current = held.saga;
    let order = held.order;
    for (;;) {
      const progress = decide(current, order, attempted);
      const isSaved = await this.#saveSafely(progress, origin);
      if (isSaved) {
        if (progress.change) this.#options.onChange(current.orderId);
        if (progress.next.stuck && !current.state.stuck) this.#reportStuck(progress);
        if (isFinished(progress.next)) this.#options.metrics.finished(progress);
        if (progress.waitMs > 0)
          await sleep(progress.waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
        const { next: state, data } = progress;
        return { saga: { ...current, state, data, revision: current.revision + 1n }, order };
      }
      const fresh = await this.#options.orders.saga(current.orderId, current.definition.name);
      const freshOrder = await this.#options.orders.get(current.orderId);
      if (!fresh || !freshOrder || fresh.fence !== current.fence) return undefined;
      // The answer to an earlier try was lost, not the write: go on from there.
      if (!isSameAttempt(fresh.state, current.state)) {
        this.#options.onChange(current.orderId);
        return { saga: fresh, order: freshOrder };
      }
      current = fresh;
      order = freshOrder;
    }
  }

  /** Saves; trouble with the database is waited out for as long as the lease may hold. */
  async #saveSafely(progress: Progress, origin: Origin): Promise<boolean> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#options.sagas.save(progress, origin);
      } catch (error) {
        if (tries === 10 || this.#stopping.signal.aborted) throw error;
        await sleep(200);
      }
    }
  }

  #reportStuck({ saga, ended }: Progress): void {
    const { orderId, definition } = saga;
    this.#options.log.error(
      { orderId, saga: definition.name, step: ended?.step, outcome: ended?.outcome },
      "a saga is stuck: a step that must work was refused, and is tried again",
    );
  }
}

/** A saga whose first attempt was written when it was leased to this process. */
function known(saga: SagaRecord): boolean {
  return saga.fence === 1n && saga.state.attempt === 1;
}

function isSameAttempt(a: SagaState, b: SagaState): boolean {
  return a.direction === b.direction && a.step === b.step && a.attempt === b.attempt;
}

function attemptOf({ definition, state }: SagaRecord): { name: string; undo: boolean } {
  return { name: definition.steps[state.step]?.name ?? "", undo: state.direction === "backward" };
}

/** What to save: how the attempt ended, what comes next and what it means for the order. */
export function decide(saga: SagaRecord, order: Order, attempted: Attempted | undefined, now = new Date()): Progress {
  const circumstances = { isOverdue: now > saga.deadline, isCancelRequested: saga.isCancelRequested };
  const decided = attempted
    ? afterAttempt(saga.definition, saga.state, attempted.outcome, circumstances)
    : beforeForward(saga.definition, saga.state, circumstances);
  const next = isFinished(decided) ? decided : { ...decided, attempt: decided.attempt + 1 };
  const { name, undo } = attemptOf(saga);
  const data = attempted?.data ?? saga.data;
  const event = eventOf(saga, next, data);
  return {
    saga,
    next,
    data,
    ended: attempted && {
      step: name,
      undo,
      number: saga.state.attempt,
      outcome: attempted.outcome,
      servedBy: attempted.servedBy,
    },
    begun: isFinished(next) ? undefined : attemptNamed(saga, next),
    waitMs: isFinished(next) ? 0 : waitBefore(decided),
    time: now,
    change: event && change(order.id, order, [event], now),
    cancelsNow: next.direction === "succeeded" && saga.definition.name === PLACE_ORDER.name && saga.isCancelRequested,
  };
}

function attemptNamed(saga: SagaRecord, next: SagaState): Attempt {
  const { name, undo } = attemptOf({ ...saga, state: next });
  return { step: name, undo, number: next.attempt };
}

/** What the end of a saga means for the order. */
function eventOf(saga: SagaRecord, next: SagaState, data: SagaData): OrderEvent | undefined {
  const isPlacing = saga.definition.name === PLACE_ORDER.name;
  if (next.direction === "failed") return { type: "order-cancelled", reason: next.reason };
  if (next.direction !== "succeeded") return undefined;
  return isPlacing
    ? { type: "order-confirmed", paymentId: data.paymentId ?? "" }
    : { type: "order-cancelled", reason: "CANCELLED_BY_CUSTOMER" };
}
