/** A customer who does not take a failure for an answer: asks again, with the same key, until there is one. */
import { randomUUIDv7 } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** What to order, and with which card. */
export interface Wish {
  readonly items: readonly { readonly productId: string; readonly quantity: number }[];
  readonly paymentToken: string;
}

export interface SeenOrder {
  readonly state: string;
  readonly cancelReason: string;
}

/** A way into the shop. Each call is one try; trouble that may pass is thrown as Trouble. */
export interface Door {
  place(wish: Wish, requestId: string): Promise<string>;
  cancel(orderId: string, requestId: string): Promise<void>;
  get(orderId: string): Promise<SeenOrder>;
}

/** The shop could not be reached, or not just now. */
export class Trouble extends Error {}

/** The shop answered, and said no. */
export class Refused extends Error {
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(message);
    this.reason = reason;
  }
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
const PATIENCE_MS = 120_000;

export class Shopper {
  readonly #door: Door;
  /** Every answer to a request to place an order: more than one id for a request is a breach. */
  readonly #answers = new Map<string, Set<string>>();
  /** How often the shop had to be asked again. */
  retries = 0;

  constructor(door: Door) {
    this.#door = door;
  }

  /** The orders the shop said it accepted. */
  get accepted(): string[] {
    return [...this.#answers.values()].flatMap((ids) => [...ids]);
  }

  /** Requests that were answered with more than one order. */
  get contradictions(): string[] {
    return [...this.#answers].filter(([, ids]) => ids.size > 1).map(([requestId]) => requestId);
  }

  async place(wish: Wish, requestId: string = randomUUIDv7()): Promise<string> {
    const id = await this.#persist(() => this.#door.place(wish, requestId));
    const answers = this.#answers.get(requestId) ?? new Set();
    this.#answers.set(requestId, answers.add(id));
    return id;
  }

  /** False when it is too late, or no longer needed. */
  async cancel(orderId: string): Promise<boolean> {
    const requestId = randomUUIDv7();
    try {
      await this.#persist(() => this.#door.cancel(orderId, requestId));
      return true;
    } catch (error) {
      if (error instanceof Refused && error.reason === "ORDER_NOT_CANCELLABLE") return false;
      throw error;
    }
  }

  /** The order once it is in one of the states. */
  async reaches(orderId: string, states: readonly string[], seconds: number): Promise<SeenOrder> {
    const end = Date.now() + seconds * 1_000;
    for (;;) {
      const order = await this.#persist(() => this.#door.get(orderId));
      if (states.includes(order.state)) return order;
      if (Date.now() > end) throw new Error(`Order ${orderId} is ${order.state} after ${seconds} s, not ${states}`);
      await sleep(50);
    }
  }

  async #persist<T>(attempt: () => Promise<T>): Promise<T> {
    const end = Date.now() + PATIENCE_MS;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Trouble) || Date.now() > end) throw error;
        this.retries += 1;
        await sleep(pause);
      }
    }
  }
}
