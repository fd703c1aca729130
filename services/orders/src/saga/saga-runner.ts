/** Which sagas this process drives, and how many at once. */
import { setTimeout as sleep } from "node:timers/promises";
import { WakeSignal } from "@row/runtime/events/wake-signal.ts";
import type { Logger } from "@row/runtime/telemetry/logger.ts";
import type { Order } from "../order.ts";
import type { SagaDriver } from "./saga-driver.ts";
import type { SagaRecord } from "./saga-record.ts";
import type { SagaStore } from "./saga-store.ts";

export interface SagaRunnerOptions {
  readonly sagas: SagaStore;
  readonly driver: SagaDriver;
  readonly log: Logger;
  /** Most sagas driven at once. */
  readonly concurrency: number;
}

/** What one saga is driven in. */
interface Slot {
  /** Drives a saga whose lease this process holds, and frees the slot when that has come to an end. */
  drive(saga: SagaRecord, order: Order | undefined): void;
  /** Frees the slot unless a saga is driven in it. */
  giveBack(): void;
}

/** How often it looks for sagas that others have let go of. */
const POLL_MS = 250;
/** Waiting sagas are taken when so many of the slots are free: together, which costs less. */
const FREE_SHARE = 1 / 4;
const HEARTBEAT_MS = 5_000;
/** How long a stop waits for the calls in flight. */
const STOP_MS = 3_000;

export class SagaRunner {
  readonly #options: SagaRunnerOptions;
  readonly #driving = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #wakeSignal = new WakeSignal();
  #slotsTaken = 0;
  #polling: Promise<void> | undefined;
  /** Whether some may wait for a slot. */
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

  /** A slot for a saga that is about to be written with a lease of this process; undefined when all are taken. */
  takeSlot(): Slot | undefined {
    if (this.#stopping.signal.aborted || this.#room <= 0) return undefined;
    this.#slotsTaken += 1;
    let isTaken = true;
    const free = () => {
      if (!isTaken) return;
      isTaken = false;
      this.#slotsTaken -= 1;
      if (this.#isBehind && this.#room >= this.#options.concurrency * FREE_SHARE) this.#wakeSignal.wake();
    };
    let giveBack = free;
    return {
      drive: (saga, order) => {
        giveBack = () => {};
        const driving = this.#drive(saga, order).finally(() => {
          this.#driving.delete(driving);
          free();
        });
        this.#driving.add(driving);
      },
      giveBack: () => giveBack(),
    };
  }

  /** Takes no more, lets the calls in flight end, and hands over what is left. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wakeSignal.wake();
    await this.#polling;
    await Promise.race([Promise.allSettled(this.#driving), sleep(STOP_MS, undefined, { ref: false })]);
    await this.#options.sagas.release().catch(() => {}); // the leases run out by themselves
  }

  get #room(): number {
    return this.#options.concurrency - this.#slotsTaken;
  }

  async #drive(saga: SagaRecord, order: Order | undefined): Promise<void> {
    const { driver, log } = this.#options;
    await driver.drive(saga, order, this.#stopping.signal).catch((error: unknown) => {
      // The lease runs out and the saga is taken up again, here or elsewhere.
      log.warn({ err: error, orderId: saga.orderId }, "a saga was put down");
    });
  }

  async #poll(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#claim();
      } catch (error) {
        this.#options.log.warn({ err: error }, "cannot look for sagas");
      }
      if (!this.#stopping.signal.aborted) await this.#wakeSignal.sleep(POLL_MS);
    }
  }

  async #claim(): Promise<void> {
    // Orders that come while it looks find room too, unless others have waited longer.
    const wanted = this.#isBehind ? this.#room : Math.ceil(this.#room / 2);
    const slots = Array.from({ length: wanted }, () => this.takeSlot()).flatMap((slot) => slot ?? []);
    try {
      const claimed = slots.length > 0 ? await this.#options.sagas.claim(slots.length) : [];
      claimed.forEach((saga, index) => {
        slots[index]?.drive(saga, undefined);
      });
      this.#isBehind = claimed.length >= slots.length;
    } finally {
      for (const slot of slots) slot.giveBack();
    }
  }

  async #beat(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await sleep(HEARTBEAT_MS, undefined, { signal: this.#stopping.signal }).catch(() => {});
      await this.#options.sagas.heartbeat().catch(() => {}); // the database is away: so are the sagas
    }
  }
}
