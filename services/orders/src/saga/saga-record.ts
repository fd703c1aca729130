/** A saga as it is stored: its state, what it needs, and who holds it. */
import { randomUUID } from "node:crypto";
import { definitionOf } from "./definitions.ts";
import { type SagaState, START } from "./saga.ts";
import type { OrderSaga, SagaData } from "./step.ts";

export interface SagaRecord {
  readonly orderId: string;
  readonly definition: OrderSaga;
  readonly state: SagaState;
  readonly data: SagaData;
  readonly serviceVersion: string;
  readonly isCancelRequested: boolean;
  /** It was put down between two attempts: none is under way. */
  readonly isWaiting: boolean;
  /** Somebody held it before, so a later step may have been begun than the record shows: a crash of the database forgets. */
  readonly mayBeAhead: boolean;
  readonly origin: SagaOrigin;
  /** By performance.now(), as `overdueAt`: what the database's clock says of it, read when the row was. */
  readonly startedAt: number;
  /** From when on trouble before the pivot is worth no further try. */
  readonly overdueAt: number;
  readonly fence: bigint;
  readonly revision: bigint;
}

/** The call that led to a saga, as far as it travels on to the calls that the saga makes. */
export interface SagaOrigin {
  readonly correlationId: string;
  /** W3C headers, empty for none. */
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
}

/** What a saga begins with. */
type Beginning = Pick<SagaRecord, "orderId" | "definition" | "data" | "serviceVersion" | "origin">;

/** A saga that begins now, has so many milliseconds, and that nobody drives yet. */
export function newSaga(beginning: Beginning, timeoutMs: number): SagaRecord {
  const startedAt = performance.now();
  return {
    ...beginning,
    state: START,
    isCancelRequested: false,
    isWaiting: false,
    mayBeAhead: false,
    startedAt,
    overdueAt: startedAt + timeoutMs,
    fence: 1n,
    revision: 1n,
  };
}

/** A new saga that this process drives from the start: its first attempt is written along with it. */
export function begun(saga: SagaRecord): SagaRecord {
  return { ...saga, state: { ...saga.state, attempt: 1 } };
}

/** Whether its first attempt was written when it was leased to this process. */
export function isBegun({ fence, state }: SagaRecord): boolean {
  return fence === 1n && state.attempt === 1;
}

/** A row of sagas. */
export interface SagaRow {
  readonly order_id: string;
  readonly name: string;
  readonly definition: number;
  readonly service_version: string;
  readonly direction: SagaState["direction"];
  readonly step: number;
  readonly attempt: number;
  readonly uncertain: boolean;
  readonly reason: string;
  readonly data: SagaData;
  readonly cancel_requested: boolean;
  readonly correlation_id: string;
  readonly traceparent: string;
  readonly tracestate: string;
  readonly baggage: string;
  /** Milliseconds since it began, and until its deadline, by the database's clock: processes' may be wrong. */
  readonly age_ms: number;
  readonly left_ms: number;
  readonly fence: bigint;
  readonly revision: bigint;
  readonly stuck: boolean;
  readonly waiting_revision: bigint | null;
}

/** The columns of a SagaRow in the relation `sagas`. */
export const SAGA_ROW = `sagas.*, (extract(epoch FROM clock_timestamp() - create_time) * 1000)::float8 AS age_ms,
  (extract(epoch FROM deadline - clock_timestamp()) * 1000)::float8 AS left_ms`;

/** Reads a row; undefined when only newer code knows the definition. */
export function toRecord(row: SagaRow): SagaRecord | undefined {
  const definition = definitionOf(row.name, row.definition);
  if (!definition) return undefined;
  const { direction, step, attempt, uncertain, reason, stuck, traceparent, tracestate, baggage } = row;
  const now = performance.now();
  return {
    orderId: row.order_id,
    definition,
    state: { direction, step, attempt, uncertain, reason, stuck },
    data: row.data,
    serviceVersion: row.service_version,
    isCancelRequested: row.cancel_requested,
    // A version that does not know this column writes a newer revision only.
    isWaiting: row.waiting_revision === row.revision,
    mayBeAhead: row.fence > 2n || attempt > 0,
    origin: { correlationId: row.correlation_id, traceparent, tracestate, baggage },
    startedAt: now - row.age_ms,
    overdueAt: now + row.left_ms,
    fence: row.fence,
    revision: row.revision,
  };
}

/** How long a lease holds without a write, in milliseconds: longer than any step takes, short enough to wait for. */
export const LEASE_MS = 8_000;

/** Who drives sagas: this process, unlike any other before or after it. */
export interface Worker {
  /** "orders/v1/orders-v1-1", as histories show it. */
  readonly name: string;
  readonly instance: string;
  readonly version: string;
  /** Unique to the process; leases are in its name. */
  readonly leaseName: string;
}

/** The worker of this process. */
export function thisWorker(servedBy: string): Worker {
  const [, version = "", instance = ""] = servedBy.split("/");
  return { name: servedBy, instance, version, leaseName: `${instance}:${randomUUID()}` };
}
