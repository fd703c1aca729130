/** Tries a group of events until it is known how each went, and answers the server: acknowledged, again later, or a dead letter. */
import { setTimeout as sleep } from "node:timers/promises";
import type { JsMsg } from "@nats-io/jetstream";
import { crashPoint } from "../crash-points.ts";
import type { Logger } from "../telemetry/logger.ts";
import { buryMessage } from "./dead-letters.ts";
import type { Delivery } from "./delivery.ts";
import type { Nats } from "./nats.ts";
import type { Group, Unanswered } from "./queue.ts";
import { delayOfTheSame, doubled, EventTries, isGap, PATIENT_TRIES } from "./retry.ts";

/** How one try ended. Only "retried" counts towards the dead letters; "unavailable" is a database that is away or busy. */
export type DeliveryOutcome = "handled" | "retried" | "gap" | "unavailable" | "dead";

/** How a subscription's events are settled. */
export interface SettlementOptions<T> {
  readonly nats: Nats;
  /** The consuming service. */
  readonly service: string;
  /** The durable consumer. */
  readonly consumer: string;
  readonly log: Logger;
  /** Tries that may fail before an event becomes a dead letter. */
  readonly tries: number;
  /** The delay before the second try, doubled for each further one up to 30 s. */
  readonly retryDelayMs: number;
  /** Aborts when the subscription stops: what is not settled by then is given back. */
  readonly stopping: AbortSignal;
  readonly handle: (group: Group<T>, first: Unanswered<T>) => Promise<unknown>;
  readonly observe: (delivery: Delivery, outcome: DeliveryOutcome, seconds: number) => void;
  readonly onBuried: (message: JsMsg) => void;
}

const CONFLICTS_OF_A_GROUP = 2;

export class Settlement<T> {
  readonly #options: SettlementOptions<T>;
  readonly #tries = new EventTries();

  constructor(options: SettlementOptions<T>) {
    this.#options = options;
  }

  async settle(group: Group<T>): Promise<void> {
    const [first] = group;
    if (!first) return;
    for (let times = 1; ; times++) {
      const startedAt = performance.now();
      try {
        await this.#options.handle(group, first);
        return this.#acknowledge(group, startedAt);
      } catch (error) {
        const delay = delayOfTheSame(error, times, this.#conflictsAllowed(group, first));
        if (delay === undefined && group.length > 1) return this.#oneByOne(group);
        if (delay === undefined) return this.#observe([first], await this.#refuse(first, error), startedAt);
        this.#observe(group, "unavailable", startedAt);
        this.#tellDelay(group, first, error);
        // They are kept: it is no better elsewhere, and each handing out would count.
        await sleep(delay, undefined, { signal: this.#options.stopping }).catch(() => {});
        if (this.#options.stopping.aborted) return this.giveBack(group);
      }
    }
  }

  /** Lets other instances have the events at once. */
  giveBack(group: Group<T>): void {
    for (const { message } of group) message.nak();
  }

  /** Makes an event a dead letter. */
  async bury(message: JsMsg, error: unknown, attempts: number): Promise<void> {
    const { nats, service, consumer: durable, onBuried } = this.#options;
    if (!(await buryMessage({ nats, service, durable, message, error, attempts }))) return;
    this.#tries.forget(message.seq);
    onBuried(message);
  }

  /** A group is soon tried one by one; an event is waited for with patience once, and then fails like any other. */
  #conflictsAllowed(group: Group<T>, { message }: Unanswered<T>): number {
    if (group.length > 1) return CONFLICTS_OF_A_GROUP;
    return this.#tries.hasFailed(message.seq) ? 0 : PATIENT_TRIES;
  }

  #acknowledge(group: Group<T>, startedAt: number): void {
    crashPoint("events.before-ack");
    for (const { message } of group) {
      message.ack();
      this.#tries.forget(message.seq);
    }
    this.#observe(group, "handled", startedAt);
    crashPoint("events.after-ack");
  }

  #tellDelay(group: Group<T>, { delivery }: Unanswered<T>, error: unknown): void {
    const { log, consumer } = this.#options;
    const facts = { consumer, event: delivery.eventId, events: group.length, why: String(error) };
    log.info(facts, "waiting before the next try of an event and those of its batch");
  }

  async #oneByOne(group: Group<T>): Promise<void> {
    for (const [index, item] of group.entries()) {
      if (this.#options.stopping.aborted) return this.giveBack(group.slice(index));
      await this.settle([item]);
    }
  }

  /** Decides when the event comes again, if it does. */
  async #refuse({ message, delivery }: Unanswered<T>, error: unknown): Promise<DeliveryOutcome> {
    const { log, consumer, tries, retryDelayMs } = this.#options;
    const { eventId, correlationId } = delivery;
    const facts = { consumer, event: eventId, correlationId };
    if (isGap(error)) {
      const early = this.#tries.tooEarly(message.seq);
      if (early <= PATIENT_TRIES) {
        message.nak(doubled(100, early));
        log.info({ ...facts, early }, "an event came early and is tried later: one before it is missing");
        return "gap";
      }
    }
    const failures = this.#tries.failed(message.seq);
    if (!isGap(error) && failures < tries) {
      message.nak(doubled(retryDelayMs, failures));
      log.warn({ ...facts, err: error, failures }, "cannot handle an event, trying again");
      return "retried";
    }
    log.error({ ...facts, err: error, failures }, "cannot handle an event: it becomes a dead letter");
    await this.bury(message, error, failures);
    return "dead";
  }

  #observe(group: Group<T>, outcome: DeliveryOutcome, startedAt: number): void {
    const seconds = (performance.now() - startedAt) / 1_000;
    for (const { delivery } of group) this.#options.observe(delivery, outcome, seconds);
  }
}
