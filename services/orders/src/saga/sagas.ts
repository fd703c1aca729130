/** The sagas of orders: begun here, and driven here for as long as there are slots. */

import { currentOrigin } from "@row/runtime/events/outbox.ts";
import type { Background, Host } from "@row/runtime/host.ts";
import type { variables } from "../config.ts";
import { SagaMetrics } from "../metrics.ts";
import type { Order } from "../order.ts";
import type { OrderStore } from "../order-store.ts";
import { SagaDriver } from "./saga-driver.ts";
import { begun, newSaga, thisWorker, type Worker } from "./saga-record.ts";
import { SagaRunner } from "./saga-runner.ts";
import type { NewSaga } from "./saga-statements.ts";
import { SagaStore } from "./saga-store.ts";
import type { Callees, OrderSaga, SagaData } from "./step.ts";

/** A saga that is about to be written. Disposing gives the slot back that it was to be driven in, unless it is. */
export interface BegunSaga extends NewSaga, Disposable {
  /** Drives it here, if there was a slot; to be called once it is written. */
  drive(): void;
}

export class Sagas implements Background {
  readonly #runner: SagaRunner;
  readonly #worker: Worker;
  readonly #timeoutMs: number;

  constructor(runner: SagaRunner, worker: Worker, timeoutMs: number) {
    this.#runner = runner;
    this.#worker = worker;
    this.#timeoutMs = timeoutMs;
  }

  /** Begins a saga of an order on behalf of the current call. */
  begin(definition: OrderSaga, order: Order, data: SagaData = {}): BegunSaga {
    const slot = this.#runner.takeSlot();
    const worker = this.#worker;
    const { correlationId, traceparent = "", tracestate = "", baggage = "" } = currentOrigin();
    const origin = { correlationId, traceparent, tracestate, baggage };
    const saga = newSaga(
      { orderId: order.id, definition, data, serviceVersion: worker.version, origin },
      this.#timeoutMs,
    );
    const record = slot ? begun(saga) : saga;
    return {
      record,
      worker,
      drive: () => slot?.drive(record, order),
      [Symbol.dispose]: () => slot?.giveBack(),
    };
  }

  stop(): Promise<void> {
    return this.#runner.stop();
  }
}

/** Starts to drive sagas, until the process stops. */
export async function startSagas(
  host: Pick<Host<typeof variables>, "config" | "servedBy" | "telemetry" | "log" | "background">,
  orders: OrderStore,
  callees: Callees,
): Promise<Sagas> {
  const { config, servedBy, telemetry, log } = host;
  const worker = thisWorker(servedBy);
  const store = new SagaStore(orders.pool, worker);
  const metrics = new SagaMetrics(telemetry, store);
  const driver = new SagaDriver({ orders, sagas: store, callees, worker, telemetry, metrics, log });
  const runner = new SagaRunner({ sagas: store, driver, log, concurrency: config.sagaConcurrency });
  await runner.start();
  const sagas = new Sagas(runner, worker, config.sagaTimeoutMs);
  host.background(sagas);
  return sagas;
}
