/** Hands a service each event of one type, through its durable consumer, until stopped. */
import type { DescMessage } from "@bufbuild/protobuf";
import type { JsMsg } from "@nats-io/jetstream";
import { registry as contracts } from "../contract.ts";
import { plainBytes } from "../rpc/validate.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type ConsumerOf, type Delivery, type Ordering, toDelivery } from "./delivery.ts";
import type { Nats } from "./nats.ts";
import type { EventType } from "./outbox.ts";
import { type Pulling, pullMessages } from "./pull.ts";
import { type Group, Queue, type Received, type Unanswered } from "./queue.ts";
import { AckProgress, PATIENT_TRIES } from "./retry.ts";
import { type DeliveryOutcome, Settlement } from "./settlement.ts";
import { durableOf, orderingScopeOf, streamOf } from "./stream-names.ts";
import { WakeSignal } from "./wake-signal.ts";

export type { Delivery, DeliveryOutcome, Ordering, Received };

/** What a service does with the events of one type: with each, or with a batch at a time. */
export type Consumption<T> = {
  readonly event: EventType<T>;
  readonly ordering?: Ordering;
} & (
  | { readonly handler: (event: T, delivery: Delivery) => Promise<unknown>; readonly batch?: never }
  /** For many small effects: whatever has arrived meanwhile, in one statement. A batch that fails is tried one by one. */
  | {
      readonly batch: { readonly size: number; readonly handler: (batch: readonly Received<T>[]) => Promise<unknown> };
      readonly handler?: never;
    }
);

export type SubscribeOptions<T> = Consumption<T> & {
  readonly nats: Nats;
  /** The consuming service. */
  readonly service: string;
  readonly log: Logger;
  /** How many events are handled at once, never two of one aggregate; 8 unless told. */
  readonly concurrency?: number;
  /** Tries that may fail before an event becomes a dead letter; 8 unless told. */
  readonly tries?: number;
  /** The delay before the second try, doubled for each further one up to 30 s; 250 unless told. */
  readonly retryDelayMs?: number;
  /** Runs a try, for tracing; of a batch it gets the first delivery. */
  readonly around?: (delivery: Delivery, run: () => Promise<void>) => Promise<void>;
  /** Told how each try ended, for metrics. */
  readonly observe?: (delivery: Delivery, outcome: DeliveryOutcome, seconds: number) => void;
  /** Told of each dead letter with who wrote it (service/version/instance), also of an event that could not be read. */
  readonly onBuried?: (publishedBy: string) => void;
};

/**
 * An event that was handed out as often as if so many instances had failed with it to the end is one that no try ends: most likely
 * it kills the process. Nothing else brings it near that, since only a failure, a gap, a stop or a death hands it out once more,
 * and an outage does not. What was fetched along with it each time may become a dead letter too, and can be replayed.
 */
const INSTANCES_WORN_OUT = 10;

/** Begins to hand out events. */
export function subscribe<T>(options: SubscribeOptions<T>): Subscription<T> {
  return new Subscription(options);
}

export class Subscription<T> {
  readonly #options: SubscribeOptions<T>;
  readonly #descriptor: DescMessage;
  readonly #consumer: ConsumerOf;
  /** Most messages that are held at once. */
  readonly #capacity: number;
  readonly #mostHandedOut: number;
  readonly #queue: Queue<T>;
  readonly #settlement: Settlement<T>;
  readonly #held = new AckProgress();
  readonly #running = new Set<Promise<void>>();
  readonly #answered = new WakeSignal();
  readonly #stopping = new AbortController();
  readonly #pulling: Pulling;

  constructor(options: SubscribeOptions<T>) {
    const { nats, service, event, log, batch, ordering = "latest", tries = 8, retryDelayMs = 250 } = options;
    this.#options = options;
    this.#descriptor = descriptorOf(event);
    const consumer = durableOf(service, event.$type);
    this.#consumer = { consumer, orderingScope: orderingScopeOf(service, event.$type), ordering };
    const size = batch?.size ?? 1;
    const concurrency = batch ? 1 : (options.concurrency ?? 8);
    // Half of it is fetched while the other half is worked on; more would only be late elsewhere if this process died.
    this.#capacity = 2 * (batch ? size : 2 * concurrency);
    this.#mostHandedOut = INSTANCES_WORN_OUT * (tries + PATIENT_TRIES);
    this.#queue = new Queue({ size, concurrency });
    this.#settlement = new Settlement({
      ...{ nats, service, consumer, log, tries, retryDelayMs, stopping: this.#stopping.signal },
      handle: (group, first) => this.#handle(group, first),
      observe: (delivery, outcome, seconds) => options.observe?.(delivery, outcome, seconds),
      onBuried: (message) => options.onBuried?.(message.headers?.get("x-producer-version") ?? ""),
    });
    const source = { nats, stream: streamOf(event.$type), durable: consumer, log };
    this.#pulling = pullMessages(source, { room: () => this.#room(), accept: (message) => this.#accept(message) });
  }

  /** Stops pulling and finishes what is being handled; what waits goes to other instances. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#answered.wake();
    const stopped = this.#pulling.stop();
    this.#settlement.giveBack(this.#queue.clear());
    await stopped;
    this.#settlement.giveBack(this.#queue.clear());
    await Promise.all(this.#running);
    this.#held.stop();
  }

  /** How many messages may be fetched now; waits until it is worth a request. */
  async #room(): Promise<number> {
    while (this.#held.size > this.#capacity / 2 && !this.#stopping.signal.aborted) await this.#answered.sleep(1_000);
    return this.#capacity - this.#held.size;
  }

  #accept(message: JsMsg): void {
    this.#held.begin(message);
    try {
      this.#queue.push(this.#read(message));
    } catch (error) {
      const { log } = this.#options;
      const facts = { err: error, consumer: this.#consumer.consumer, sequence: message.seq };
      log.error(facts, "cannot take an event: it becomes a dead letter");
      this.#follow(this.#settlement.bury(message, error, message.info.deliveryCount), [message]);
      return;
    }
    this.#work();
  }

  #read(message: JsMsg): Unanswered<T> {
    const { deliveryCount } = message.info;
    if (deliveryCount > this.#mostHandedOut)
      throw new Error(`No try ends, of the ${deliveryCount} times it was handed out`);
    const event = this.#options.event.decode(plainBytes(this.#descriptor, message.data));
    return { message, event, delivery: toDelivery(message, this.#consumer) };
  }

  /** Starts as much as may run at once. */
  #work(): void {
    for (let group = this.#queue.next(); group; group = this.#queue.next()) {
      const handled = group;
      const settled = this.#settlement.settle(handled).finally(() => this.#queue.release(handled));
      this.#follow(
        settled,
        handled.map(({ message }) => message),
      );
    }
  }

  /** Lets messages go when the work on them is done. */
  #follow(work: Promise<void>, messages: readonly JsMsg[]): void {
    const done = work
      .catch((error: unknown) => this.#options.log.error({ err: error }, "cannot settle an event"))
      .then(() => {
        this.#running.delete(done);
        for (const message of messages) this.#held.end(message);
        this.#answered.wake();
        this.#work();
      });
    this.#running.add(done);
  }

  #handle(group: Group<T>, { event, delivery }: Unanswered<T>): Promise<void> {
    const { batch, handler, around } = this.#options;
    const handle = async () => {
      await (batch ? batch.handler(group) : handler(event, delivery));
    };
    return around ? around(delivery, handle) : handle();
  }
}

function descriptorOf(type: EventType<unknown>): DescMessage {
  const descriptor = contracts.getMessage(type.$type);
  if (!descriptor) throw new Error(`Cannot take events: "${type.$type}" is not in the contracts`);
  return descriptor;
}
