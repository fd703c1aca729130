/** The outbox: events become rows in the transaction of the change that they tell of; the relay publishes them. */
import { randomUUIDv7 } from "node:crypto";
import { fromBinary, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { injection } from "../behaviour/injection.ts";
import { currentCall } from "../call.ts";
import { registry as contracts } from "../contract.ts";
import { eventsWritten } from "../database/commits.ts";
import { type Queryable, statement } from "../database/postgres.ts";
import { columnList } from "../database/records.ts";
import { traceparent, tracestate } from "../telemetry/telemetry.ts";

/** An event to publish, as its row in runtime.outbox holds it. */
export interface OutboxEvent {
  /** UUIDv7; the same when the event is published twice. */
  readonly id: string;
  /** The event's full message name. */
  readonly subject: string;
  readonly aggregateId: string;
  /** The aggregate's version after this event. */
  readonly sequence: bigint | number;
  /** proto3 JSON. */
  readonly payload: JsonValue;
}

/** The call, delivery or job on whose behalf an event is written. */
export interface Origin {
  readonly correlationId: string;
  readonly traceparent?: string | undefined;
  /** The W3C tracestate that goes with it. */
  readonly tracestate?: string | undefined;
  /** As `acceptBaggage` answers it. */
  readonly baggage?: string | undefined;
  /** service/version/instance. */
  readonly producer: string;
}

/** A message class that ts-proto generated. */
export interface EventType<T> {
  readonly $type: string;
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

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

/** On whose behalf the current call writes. */
export function currentOrigin(): Origin {
  const call = currentCall();
  if (!call?.producer) throw new Error("Cannot write an event: there is no call on whose behalf, see runInBackground");
  const { correlationId, baggage, producer, span } = call;
  const trace = span && { traceparent: traceparent(span), tracestate: tracestate(span) };
  return { correlationId, ...trace, baggage, producer };
}

/** The columns of runtime.outbox that `originColumns` fills, for statements whose events only SQL can make. */
export const ORIGIN = {
  ...{ correlation_id: "text", traceparent: "text", tracestate: "text", baggage: "text", producer: "text" },
  ...{ injected: "text" },
} as const;
const ORIGIN_NAMES = Object.keys(ORIGIN).join(", ");

/** On whose behalf the current call writes, as the columns ORIGIN. */
export function originColumns(origin: Origin = currentOrigin()) {
  const { correlationId, traceparent = "", tracestate = "", baggage = "", producer } = origin;
  const injected = injection.active?.intoEvents() ?? "";
  return { correlation_id: correlationId, traceparent, tracestate, baggage, producer, injected };
}

/** Body of a CTE that writes the events in the column `outbox` of the relation `from`, as `outboxJson` makes it; null for none. */
export function insertEventsFrom(from: string): string {
  return `INSERT INTO runtime.outbox (id, subject, aggregate_id, sequence, payload, ${ORIGIN_NAMES})
    SELECT event.* FROM ${from}, json_to_recordset(outbox) AS event (id uuid, subject text, aggregate_id text,
      sequence bigint, payload jsonb, ${columnList(ORIGIN)})`;
}

/** The events as JSON for `insertEventsFrom`, on behalf of the current call. */
export function outboxJson(events: readonly OutboxEvent[], origin?: Origin): JsonValue {
  if (events.length === 0) return null;
  const columns = originColumns(origin);
  return events.map(({ id, subject, aggregateId, sequence, payload }) => ({
    id,
    subject,
    aggregate_id: aggregateId,
    sequence: String(sequence),
    payload,
    ...columns,
  }));
}

const insertEvents = statement(
  "runtime-publish",
  `WITH asked AS (SELECT $1::json AS outbox) ${insertEventsFrom("asked")}`,
);

/** Publishes events of a change that another statement makes: to be called in its transaction, on behalf of the current call. */
export async function publish(db: Queryable, events: readonly OutboxEvent[], origin?: Origin): Promise<void> {
  if (events.length === 0) return;
  await insertEvents(db, [JSON.stringify(outboxJson(events, origin))]);
  eventsWritten(db);
}
