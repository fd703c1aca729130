/** What travels with an event besides its message, as NATS headers. */
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { acceptBaggage } from "../rpc/baggage.ts";
import { INJECTED } from "../rpc/injected-labels.ts";
import { uuidInLowerCase } from "../uuid.ts";

/** What travels with an event besides its message: CloudEvents attributes, trace and origin. */
export interface EventAttributes {
  readonly id: string;
  readonly type: string;
  readonly time: Date;
  readonly aggregateId: string;
  readonly sequence: bigint;
  readonly correlationId: string;
  /** W3C trace context; empty when the write was not traced. */
  readonly traceparent: string;
  /** The W3C tracestate that goes with it; empty or missing for none. */
  readonly tracestate?: string;
  /** As `acceptBaggage` answers it; empty or missing for none. */
  readonly baggage?: string;
  /** Who wrote the event, as service/version/instance. */
  readonly producer: string;
  /** What was injected into it, "payments/v2:double-publish"; empty or missing for nothing. */
  readonly injected?: string;
}

/** Writes an event's attributes as NATS headers, in CloudEvents' binary mode. */
export function toHeaders(event: EventAttributes): MsgHdrs {
  const written = headers();
  written.set("ce-specversion", "1.0");
  written.set("ce-id", event.id);
  written.set("ce-type", event.type);
  written.set("ce-source", `/${event.producer.split("/", 1)[0]}`);
  written.set("ce-time", event.time.toISOString());
  written.set("ce-subject", event.aggregateId);
  written.set("ce-sequence", String(event.sequence));
  written.set("content-type", "application/protobuf");
  written.set("x-correlation-id", event.correlationId);
  written.set("x-producer-version", event.producer);
  if (event.traceparent) written.set("traceparent", event.traceparent);
  if (event.tracestate) written.set("tracestate", event.tracestate);
  if (event.baggage) written.set("baggage", event.baggage);
  if (event.injected) written.set(INJECTED, event.injected);
  return written;
}

/** Reads an event's attributes; throws when one is missing that a consumer cannot do without. */
export function fromHeaders(read: MsgHdrs | undefined): EventAttributes {
  const required = (name: string): string => {
    const value = read?.get(name);
    if (!value) throw new Error(`Cannot read an event: header "${name}" is missing`);
    return value;
  };
  return {
    id: uuidInLowerCase(required("ce-id")),
    type: required("ce-type"),
    time: new Date(required("ce-time")),
    aggregateId: uuidInLowerCase(required("ce-subject")),
    sequence: BigInt(required("ce-sequence")),
    correlationId: read?.get("x-correlation-id") ?? "",
    traceparent: read?.get("traceparent") ?? "",
    tracestate: read?.get("tracestate") ?? "",
    baggage: acceptBaggage((name) => read?.get(name)),
    producer: read?.get("x-producer-version") ?? "",
    injected: read?.get(INJECTED) ?? "",
  };
}
