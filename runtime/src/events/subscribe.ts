import { setTimeout as sleep } from "node:timers/promises";
import type { DescMessage } from "@bufbuild/protobuf";
import type { JsMsg } from "@nats-io/jetstream";
import { registry as contracts } from "../contract.ts";
import { crashPoint } from "../crash-points.ts";
import { plainBytes } from "../rpc/validate.ts";
import type { Logger } from "../telemetry/logger.ts";
import { AckProgress } from "./ack-progress.ts";
import { buryMessage } from "./dead-letters.ts";
import { type Delivery, type Ordering, toDelivery } from "./delivery.ts";
import { delayOfTheSame, doubled, isGap, PATIENT_TRIES } from "./failures.ts";
import type { Nats } from "./nats.ts";
import type { EventType } from "./outbox.ts";
import { pullMessages } from "./pull.ts";
import { durableOf, lineOf, streamOf } from "./stream-names.ts";
import { EventTries } from "./tries.ts";
import { WakeSignal } from "./wake-signal.ts";

export type { Delivery, Ordering };

/** How one try ended. Only "retried" counts towards the dead letters; "unavailable" is a database that is away or busy. */
export type DeliveryOutcome = "handled" | "retried" | "gap" | "unavailable" | "dead";

/** An event with what came with it. */
export type Received<T> = { event: T; delivery: Delivery };

export type SubscribeOptions<T> = {
  nats: Nats;
  /** The consuming service. */
  service: string;
  event: EventType<T>;
  log: Logger;
  ordering?: Ordering;
  /** How many events are handled at once, never two of one aggregate; 8 unless told. */
  concurrency?: number;
  /** Tries that may fail before an event becomes a dead letter; 8 unless told. */
  tries?: number;
  /** The delay before the second try, doubled for each further one up to 30 s; 250 unless told. */
  retryDelayMs?: number;
  /** Runs a try, for tracing; of a batch it gets the first delivery. */
  around?: (delivery: Delivery, run: () => Promise<void>) => Promise<void>;
  /** Told how each try ended, for metrics. */
  observe?: (delivery: Delivery, outcome: DeliveryOutcome, seconds: number) => void;
  /** Told of each dead letter, also of an event that could not be read. */
  onBuried?: () => void;
} & (
  | { handler: (event: T, delivery: Delivery) => Promise<unknown>; batch?: never }
  /** For many small effects: whatever has arrived meanwhile, in one statement. A batch that fails is tried one by one. */
  | { batch: { size: number; handler: (batch: Received<T>[]) => Promise<unknown> }; handler?: never }
);

export type Subscription = {
  /** Stops pulling and finishes what is in hand. */
  stop(): Promise<void>;
};

/**
 * An event that was handed out as often as if so many instances had failed with it to the end is one that no try ends: most likely
 * it kills the process. Nothing else brings it near that, since only a failure, a gap, a stop or a death hands it out once more,
 * and an outage does not. What was fetched along with it each time may become a dead letter too, and can be replayed.
 */
const INSTANCES_WORN_OUT = 10;
const CONFLICTS_OF_A_GROUP = 2;

function descriptorOf(type: EventType<unknown>): DescMessage {
  const descriptor = contracts.getMessage(type.$type);
  if (!descriptor) throw new Error(`Cannot take events: "${type.$type}" is not in the contracts`);
  return descriptor;
}

/** Hands a service each event of one type, through its durable consumer, until stopped. */
export function subscribe<T>(options: SubscribeOptions<T>): Subscription {
  const { nats, service, event: type, log, ordering = "latest", tries = 8, retryDelayMs = 250 } = options;
  const descriptor = descriptorOf(type);
  const stream = streamOf(type.$type);
  const taking = { consumer: durableOf(service, type.$type), line: lineOf(service, type.$type), ordering };
  const durable = taking.consumer;
  const size = options.batch?.size ?? 1;
  const concurrency = options.batch ? 1 : (options.concurrency ?? 8);
  // Half of it is fetched while the other half is worked on; more would only be late elsewhere if this process died.
  const capacity = 2 * (options.batch ? size : 2 * concurrency);
  const mostHandedOut = INSTANCES_WORN_OUT * (tries + PATIENT_TRIES);

  type Item = Received<T> & { message: JsMsg };
  const waiting: Item[] = [];
  const busy = new Set<string>();
  const running = new Set<Promise<void>>();
  const ackProgress = new AckProgress();
  const known = new EventTries();
  const answered = new WakeSignal();
  const stopping = new AbortController();
  let groups = 0;

  async function room(): Promise<number> {
    while (ackProgress.size > capacity / 2 && !stopping.signal.aborted) await answered.sleep(1000);
    return capacity - ackProgress.size;
  }

  function accept(message: JsMsg) {
    ackProgress.take(message);
    const { deliveryCount } = message.info;
    try {
      if (deliveryCount > mostHandedOut)
        throw new Error(`No try ends, of the ${deliveryCount} times it was handed out`);
      waiting.push({
        message,
        event: type.decode(plainBytes(descriptor, message.data)),
        delivery: toDelivery(message, taking),
      });
    } catch (error) {
      log.error(
        { err: error, consumer: durable, sequence: message.seq },
        "Cannot take an event: it becomes a dead letter",
      );
      follow(bury(message, error, deliveryCount), [message]);
      return;
    }
    work();
  }

  /** Starts as much as may run at once. */
  function work() {
    while (groups < concurrency) {
      const group: Item[] = [];
      for (let i = 0; i < waiting.length && group.length < size; ) {
        const item = waiting[i];
        if (item && (size > 1 || !busy.has(item.delivery.aggregateId))) group.push(...waiting.splice(i, 1));
        else i++;
      }
      if (group.length === 0) return;
      groups += 1;
      for (const { delivery } of group) busy.add(delivery.aggregateId);
      const settled = settle(group).finally(() => {
        groups -= 1;
        for (const { delivery } of group) busy.delete(delivery.aggregateId);
      });
      follow(
        settled,
        group.map(({ message }) => message),
      );
    }
  }

  /** Lets messages go when the work on them is done. */
  function follow(work: Promise<void>, messages: readonly JsMsg[]) {
    const done = work
      .catch((error: unknown) => log.error({ err: error }, "Cannot settle an event"))
      .then(() => {
        running.delete(done);
        letGo(messages);
      });
    running.add(done);
  }

  function letGo(messages: readonly JsMsg[]) {
    for (const message of messages) ackProgress.letGo(message);
    answered.wake();
    work();
  }

  /** Tries a group until it is known how it went, and tells the server. */
  async function settle(group: Item[]): Promise<void> {
    const [first] = group;
    if (!first) return;
    let startedAt = performance.now();
    for (let times = 1; ; times++) {
      try {
        await attempt(group, first);
        break;
      } catch (error) {
        const delay = delayOfTheSame(error, times, conflictsAllowed(group, first));
        if (delay === undefined) {
          if (group.length > 1) return oneByOne(group);
          observe(first, await refuse(first, error), startedAt);
          return;
        }
        for (const item of group) observe(item, "unavailable", startedAt);
        const facts = { consumer: durable, event: first.delivery.eventId, events: group.length, why: String(error) };
        log.info(facts, "Takes an event later, with those that came along");
        // They stay in hand: it is no better elsewhere, and each handing out would count.
        await sleep(delay, undefined, { signal: stopping.signal }).catch(() => {});
        if (stopping.signal.aborted) return giveBack(group);
        startedAt = performance.now();
      }
    }
    crashPoint("events.before-ack");
    for (const item of group) {
      item.message.ack();
      known.forget(item.message.seq);
      observe(item, "handled", startedAt);
    }
    crashPoint("events.after-ack");
  }

  /** A group is soon tried one by one; an event is waited for with patience once, and then fails like any other. */
  function conflictsAllowed(group: Item[], { message }: Item): number {
    if (group.length > 1) return CONFLICTS_OF_A_GROUP;
    return known.hasFailed(message.seq) ? 0 : PATIENT_TRIES;
  }

  async function oneByOne(group: Item[]): Promise<void> {
    for (const [index, item] of group.entries()) {
      if (stopping.signal.aborted) return giveBack(group.slice(index));
      await settle([item]);
    }
  }

  function attempt(group: Item[], first: Item): Promise<void> {
    const handle = async () => {
      await (options.batch ? options.batch.handler(group) : options.handler(first.event, first.delivery));
    };
    return options.around ? options.around(first.delivery, handle) : handle();
  }

  function giveBack(group: Item[]) {
    for (const { message } of group) message.nak();
  }

  function observe({ delivery }: Item, outcome: DeliveryOutcome, startedAt: number) {
    options.observe?.(delivery, outcome, (performance.now() - startedAt) / 1000);
  }

  /** Decides when the event comes again, if it does. */
  async function refuse({ message, delivery }: Item, error: unknown): Promise<DeliveryOutcome> {
    const { eventId, correlationId } = delivery;
    const facts = { consumer: durable, event: eventId, correlationId };
    if (isGap(error)) {
      const early = known.tooEarly(message.seq);
      if (early <= PATIENT_TRIES) {
        message.nak(doubled(100, early));
        log.info({ ...facts, early }, "Takes an event later: one before it is missing");
        return "gap";
      }
    }
    const failures = known.failed(message.seq);
    if (!isGap(error) && failures < tries) {
      message.nak(doubled(retryDelayMs, failures));
      log.warn({ ...facts, err: error, failures }, "Cannot handle an event, trying again");
      return "retried";
    }
    log.error({ ...facts, err: error, failures }, "Cannot handle an event: it becomes a dead letter");
    await bury(message, error, failures);
    return "dead";
  }

  async function bury(message: JsMsg, error: unknown, attempts: number) {
    if (!(await buryMessage({ nats, service, durable, message, error, attempts }))) return;
    known.forget(message.seq);
    options.onBuried?.();
  }

  const pulling = pullMessages({ nats, stream, durable, log }, { room, accept });
  return {
    async stop() {
      stopping.abort();
      answered.wake();
      const stopped = pulling.stop();
      giveBack(waiting.splice(0));
      await stopped;
      giveBack(waiting.splice(0));
      await Promise.all(running);
      ackProgress.stop();
    },
  };
}
