import type { JsMsg } from "@nats-io/jetstream";
import { fromHeaders } from "./event-headers.ts";

/**
 * How events of one aggregate are applied. "latest": an event older than what has been applied is ignored, one that
 * skips others is not. "contiguous": each in its turn; one that comes too early comes again later.
 */
export type Ordering = "latest" | "contiguous";

/** One try at handing an event to its handler. */
export type Delivery = {
  /** The durable consumer, which is also the name in inbox and applied. */
  consumer: string;
  ordering: Ordering;
  subject: string;
  eventId: string;
  aggregateId: string;
  /** The aggregate's version after the event. */
  sequence: bigint;
  /** When the event was written. */
  time: Date;
  correlationId: string;
  traceparent: string;
  /** Who wrote the event, as service/version/instance. */
  publishedBy: string;
  /** 1 for the first try. */
  attempt: number;
  /** The first four parameters of a statement that begins with FRESH. */
  values: readonly [consumer: string, eventId: string, aggregateId: string, sequence: string];
};

/** Reads what a message says about its event; throws when it is not an event of this subject. */
export function toDelivery(message: JsMsg, consumer: string, ordering: Ordering): Delivery {
  const event = fromHeaders(message.headers);
  if (event.type !== message.subject) throw new Error(`Cannot read an event: "${event.type}" on ${message.subject}`);
  return {
    consumer,
    ordering,
    subject: message.subject,
    eventId: event.id,
    aggregateId: event.aggregateId,
    sequence: event.sequence,
    time: event.time,
    correlationId: event.correlationId,
    traceparent: event.traceparent,
    publishedBy: event.producer,
    attempt: message.info.deliveryCount,
    values: [consumer, event.id, event.aggregateId, String(event.sequence)],
  };
}
