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
  readonly correlationId: string;
  readonly traceparent: string;
  readonly startTime: Date;
  readonly deadline: Date;
  readonly fence: bigint;
  readonly revision: bigint;
}

/** What a saga begins with. */
type Beginning = Pick<
  SagaRecord,
  "orderId" | "definition" | "data" | "serviceVersion" | "correlationId" | "traceparent" | "deadline"
>;

/** A saga that begins now and that nobody drives yet. */
export function newSaga(beginning: Beginning): SagaRecord {
  return {
    ...beginning,
    state: START,
    isCancelRequested: false,
    isWaiting: false,
    mayBeAhead: false,
    startTime: new Date(),
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
  readonly create_time: Date;
  readonly deadline: Date;
  readonly fence: bigint;
  readonly revision: bigint;
  readonly stuck: boolean;
  readonly waiting_revision: bigint | null;
}

/** Reads a row; undefined when only newer code knows the definition. */
export function toRecord(row: SagaRow): SagaRecord | undefined {
  const definition = definitionOf(row.name, row.definition);
  if (!definition) return undefined;
  const { direction, step, attempt, uncertain, reason, stuck } = row;
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
    correlationId: row.correlation_id,
    traceparent: row.traceparent,
    startTime: row.create_time,
    deadline: row.deadline,
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
