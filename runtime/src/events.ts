import type { JsMsg } from "@nats-io/jetstream";
import { crashPoint } from "./crash-points.ts";
import { buryMessage } from "./dead-letters.ts";
import { type Delivery, type Ordering, toDelivery } from "./delivery.ts";
import { pullMessages } from "./event-pull.ts";
import type { Logger } from "./logger.ts";
import type { Nats } from "./nats.ts";
import type { EventType } from "./outbox.ts";
import { durableOf, streamOf } from "./stream-names.ts";
import { WakeUp } from "./wake-up.ts";

export type { Delivery, Ordering };

/** How one try ended. Only "retried" counts towards the dead letters; "unavailable" is a database that is away. */
export type Outcome = "handled" | "retried" | "gap" | "unavailable" | "dead";

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
  /** Tries before an event becomes a dead letter; 8 unless told. */
  tries?: number;
  /** The delay before the second try, doubled for each further one up to 30 s; 250 unless told. */
  retryDelayMs?: number;
  /** Runs a try, for tracing; of a batch it gets the first delivery. */
  around?: (delivery: Delivery, run: () => Promise<void>) => Promise<void>;
  /** Told how each try ended, for metrics. */
  observe?: (delivery: Delivery, outcome: Outcome, seconds: number) => void;
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

const MAX_DELAY_MS = 30_000;
/** About four minutes; the missing event is then a dead letter itself. */
const GAP_TRIES = 16;

/** Hands a service each event of one type, through its durable consumer, until stopped. */
export function subscribe<T>(options: SubscribeOptions<T>): Subscription {
  const { nats, service, event: type, log, ordering = "latest", tries = 8, retryDelayMs = 250 } = options;
  const durable = durableOf(service, type.$type);
  const stream = streamOf(type.$type);
  const size = options.batch?.size ?? 1;
  const concurrency = options.batch ? 1 : (options.concurrency ?? 8);
  const maxWaiting = Math.max(size, 2 * concurrency);

  type Item = Received<T> & { message: JsMsg };
  const waiting: Item[] = [];
  const busy = new Set<string>();
  const groups = new Set<Promise<void>>();
  const room = new WakeUp();
  /** Deliveries that were nobody's fault, by event; they do not count as tries. */
  const excused = new Map<string, number>();

  async function accept(message: JsMsg) {
    try {
      waiting.push({ message, event: type.decode(message.data), delivery: toDelivery(message, durable, ordering) });
    } catch (error) {
      log.error({ err: error, consumer: durable, sequence: message.seq }, "Cannot read an event");
      await bury(message, error, message.info.deliveryCount);
      return;
    }
    work();
    while (waiting.length >= maxWaiting) await room.sleep(1000);
  }

  /** Starts as much as may run at once. */
  function work() {
    while (groups.size < concurrency) {
      const group: Item[] = [];
      for (let i = 0; i < waiting.length && group.length < size; ) {
        const item = waiting[i];
        if (item && (size > 1 || !busy.has(item.delivery.aggregateId))) group.push(...waiting.splice(i, 1));
        else i++;
      }
      if (group.length === 0) return;
      for (const { delivery } of group) busy.add(delivery.aggregateId);
      const running = settle(group)
        .catch((error: unknown) => log.error({ err: error }, "Cannot settle an event"))
        .then(() => {
          groups.delete(running);
          for (const { delivery } of group) busy.delete(delivery.aggregateId);
          room.ring();
          work();
        });
      groups.add(running);
    }
  }

  /** Tries a group and tells the server how it went; never throws. */
  async function settle(group: Item[]): Promise<void> {
    const [first] = group;
    if (!first) return;
    const startedAt = performance.now();
    const handle = async () => {
      await (options.batch ? options.batch.handler(group) : options.handler(first.event, first.delivery));
    };
    try {
      await (options.around ? options.around(first.delivery, handle) : handle());
    } catch (error) {
      if (group.length > 1) for (const item of group) await settle([item]);
      else observe(first, await refuse(first, error), startedAt);
      return;
    }
    crashPoint("events.before-ack");
    for (const item of group) {
      item.message.ack();
      excused.delete(item.delivery.eventId);
      observe(item, "handled", startedAt);
    }
    crashPoint("events.after-ack");
  }

  function observe({ delivery }: Item, outcome: Outcome, startedAt: number) {
    options.observe?.(delivery, outcome, (performance.now() - startedAt) / 1000);
  }

  /** Decides when the event comes again, if it does. */
  async function refuse({ message, delivery }: Item, error: unknown): Promise<Outcome> {
    const { eventId } = delivery;
    const facts = {
      err: error,
      consumer: durable,
      event: eventId,
      attempt: delivery.attempt,
      correlationId: delivery.correlationId,
    };
    const excuses = excused.get(eventId) ?? 0;
    const why = excuse(error);
    if (why === "unavailable" || (why === "gap" && excuses < GAP_TRIES)) {
      excused.set(eventId, excuses + 1);
      message.nak(why === "gap" ? Math.min(100 * 2 ** excuses, MAX_DELAY_MS) : 1000);
      log.info({ ...facts, err: undefined, why }, "Takes an event later");
      return why;
    }
    const attempt = Math.max(1, delivery.attempt - excuses);
    if (why === undefined && attempt < tries) {
      message.nak(Math.min(retryDelayMs * 2 ** (attempt - 1), MAX_DELAY_MS));
      log.warn(facts, "Cannot handle an event, trying again");
      return "retried";
    }
    log.error(facts, "Cannot handle an event: it becomes a dead letter");
    excused.delete(eventId);
    await bury(message, error, attempt);
    return "dead";
  }

  async function bury(message: JsMsg, error: unknown, attempts: number) {
    if (await buryMessage({ nats, service, durable, message, error, attempts })) options.onBuried?.();
  }

  const pulling = pullMessages({ nats, stream, durable, log }, accept);
  return {
    async stop() {
      const stopped = pulling.stop();
      for (const { message } of waiting.splice(0)) message.nak();
      room.ring();
      await stopped;
      for (const { message } of waiting.splice(0)) message.nak();
      await Promise.all(groups);
    },
  };
}

/** Why a failed try may say nothing about the event: it came too early, or Postgres is away. */
function excuse(error: unknown): "gap" | "unavailable" | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error ? String(error.code) : "";
  if (code === "RWGAP") return "gap";
  // Class 08 is a lost connection, 57P01–57P03 a server going down or coming up, 53300 one with too many connections.
  if (/^(08|57P0[123]|53300|ECONN|EPIPE|ETIMEDOUT|ENOENT)/.test(code)) return "unavailable";
  return /Connection terminated|connection error|timeout exceeded when trying to connect/.test(error.message)
    ? "unavailable"
    : undefined;
}
