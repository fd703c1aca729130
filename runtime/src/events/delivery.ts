/** One event as a consumer hands it to its service, and in which order. */
import type { JsMsg } from "@nats-io/jetstream";
import { fromHeaders } from "./headers.ts";

/**
 * How a service takes the events of one aggregate, all event types that it consumes together: they come on a consumer each, so
 * in any order, and are numbered by the aggregate's version.
 *
 * - "latest": one older than what has been applied is ignored, one that skips others is not. For handlers that put the aggregate
 *   as the event tells it in place of what they had. Wrong where an older event of another type tells something that the newer
 *   one does not: it would be lost.
 * - "contiguous": each in its turn; one that comes too early comes again later. For handlers that add to what they had. Only for a
 *   service that consumes every event type of the aggregate: a version that it never gets is a gap that never closes.
 * - "any": each once, in whatever order. For handlers whose effect does not depend on it, such as a mail.
 */
export type Ordering = "latest" | "contiguous" | "any";

/** One try at handing an event to its handler. */
export interface Delivery {
  /** The durable consumer, which is also the name in the inbox. */
  readonly consumer: string;
  /** The name in applied: `orderingScopeOf` the service and the event. */
  readonly orderingScope: string;
  readonly ordering: Ordering;
  readonly subject: string;
  readonly eventId: string;
  readonly aggregateId: string;
  /** The aggregate's version after the event. */
  readonly sequence: bigint;
  /** When the event was written. */
  readonly time: Date;
  readonly correlationId: string;
  readonly traceparent: string;
  /** The W3C tracestate that goes with it; empty for none. */
  readonly tracestate: string;
  /** What the call that led to the event carried to every further hop; empty for nothing. */
  readonly baggage: string;
  /** Who wrote the event, as service/version/instance. */
  readonly publishedBy: string;
  /** How often the event has been handed out, to whatever process: 1 for the first time. */
  readonly attempt: number;
  /** The first four parameters of a statement that begins with FRESH. */
  readonly values: readonly [
    names: readonly [consumer: string, orderingScope: string],
    eventId: string,
    aggregateId: string,
    sequence: string,
  ];
}

/** How a service takes events of one type. */
export type ConsumerOf = Pick<Delivery, "consumer" | "orderingScope" | "ordering">;

/** Reads what a message says about its event; throws when it is not an event of this subject. */
export function toDelivery(message: JsMsg, { consumer, orderingScope, ordering }: ConsumerOf): Delivery {
  const event = fromHeaders(message.headers);
  if (event.type !== message.subject) throw new Error(`Cannot read an event: "${event.type}" on ${message.subject}`);
  return {
    consumer,
    orderingScope,
    ordering,
    subject: message.subject,
    eventId: event.id,
    aggregateId: event.aggregateId,
    sequence: event.sequence,
    time: event.time,
    correlationId: event.correlationId,
    traceparent: event.traceparent,
    tracestate: event.tracestate ?? "",
    baggage: event.baggage ?? "",
    publishedBy: event.producer,
    attempt: message.info.deliveryCount,
    values: [[consumer, orderingScope], event.id, event.aggregateId, String(event.sequence)],
  };
}
