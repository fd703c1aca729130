import { randomUUIDv7 } from "node:crypto";
import { fromBinary, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { registry as contracts } from "../contract.ts";

/** An event to publish, as its row in runtime.outbox holds it. */
export type OutboxEvent = {
  /** UUIDv7; the same when the event is published twice. */
  id: string;
  /** The event's full message name. */
  subject: string;
  aggregateId: string;
  /** The aggregate's version after this event. */
  sequence: bigint | number;
  /** proto3 JSON. */
  payload: JsonValue;
};

/** The call, delivery or job on whose behalf an event is written. */
export type Origin = {
  correlationId: string;
  traceparent?: string | undefined;
  /** The W3C tracestate that goes with it. */
  tracestate?: string | undefined;
  /** As `acceptBaggage` answers it. */
  baggage?: string | undefined;
  /** service/version/instance. */
  producer: string;
};

/** A message class that ts-proto generated. */
export type EventType<T> = {
  readonly $type: string;
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
};

/** Builds an event about the aggregate at this version. */
export function event<T>(
  type: EventType<T>,
  aggregateId: string,
  sequence: bigint | number,
  message: T,
  registry: Registry = contracts,
): OutboxEvent {
  const descriptor = registry.getMessage(type.$type);
  if (!descriptor) throw new Error(`Cannot write an event: "${type.$type}" is not in the contracts`);
  // ts-proto knows no JSON here, so the bytes go through protobuf-es.
  const payload = toJson(descriptor, fromBinary(descriptor, type.encode(message).finish()), { registry });
  return { id: randomUUIDv7(), subject: type.$type, aggregateId, sequence, payload };
}

const COLUMNS =
  "id, subject, aggregate_id, sequence, payload, correlation_id, traceparent, tracestate, baggage, producer";

/** How many parameters `outboxInsert` takes. */
export const OUTBOX_PARAMETERS = 10;

/**
 * SQL that writes the events of `outboxValues` in their order, to stand in a CTE of the statement that makes the change.
 * `condition` may make it depend on another CTE: "WHERE EXISTS (SELECT FROM appended)".
 */
export function outboxInsert(firstParameter: number, condition = ""): string {
  const [id, subject, aggregate, sequence, payload, correlation, traceparent, tracestate, baggage, producer] =
    Array.from({ length: OUTBOX_PARAMETERS }, (_, index) => `$${firstParameter + index}`);
  return `INSERT INTO runtime.outbox (${COLUMNS})
    SELECT event.*, ${correlation}::text, ${traceparent}::text, ${tracestate}::text, ${baggage}::text, ${producer}::text
    FROM unnest(${id}::uuid[], ${subject}::text[], ${aggregate}::text[], ${sequence}::bigint[], ${payload}::jsonb[]) AS event ${condition}`;
}

/** The values for `outboxInsert`. After the commit, call the relay's `wake`. */
export function outboxValues(events: readonly OutboxEvent[], origin: Origin): unknown[] {
  return [
    events.map((event) => event.id),
    events.map((event) => event.subject),
    events.map((event) => event.aggregateId),
    events.map((event) => String(event.sequence)),
    events.map((event) => JSON.stringify(event.payload)),
    origin.correlationId,
    origin.traceparent ?? "",
    origin.tracestate ?? "",
    origin.baggage ?? "",
    origin.producer,
  ];
}

/**
 * As `outboxInsert`, for a statement that makes many changes at once: the events are those in the column `outbox` of the
 * relation `from`, as `outboxJson` makes it; null for none.
 */
export function outboxInsertFrom(from: string): string {
  return `INSERT INTO runtime.outbox (${COLUMNS})
    SELECT event.* FROM ${from}, json_to_recordset(outbox) AS event (id uuid, subject text, aggregate_id text,
      sequence bigint, payload jsonb, correlation_id text, traceparent text, tracestate text, baggage text, producer text)`;
}

/** The events as JSON for `outboxInsertFrom`. After the commit, call the relay's `wake`. */
export function outboxJson(events: readonly OutboxEvent[], origin: Origin): JsonValue {
  return events.map((event) => ({
    id: event.id,
    subject: event.subject,
    aggregate_id: event.aggregateId,
    sequence: String(event.sequence),
    payload: event.payload,
    correlation_id: origin.correlationId,
    traceparent: origin.traceparent ?? "",
    tracestate: origin.tracestate ?? "",
    baggage: origin.baggage ?? "",
    producer: origin.producer,
  }));
}
