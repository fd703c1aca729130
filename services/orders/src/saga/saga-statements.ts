/** SQL that writes sagas and their attempts, for the statements of orders and of sagas. */
import { PLACE_ORDER } from "./definitions.ts";
import { isBegun, LEASE_MS, type SagaRecord, type Worker } from "./saga-record.ts";

/** A saga that is about to be written, and who drives it from the start if its first attempt is begun. */
export interface NewSaga {
  readonly record: SagaRecord;
  readonly worker: Worker;
}

/** The columns of a record, beside its order_id, that hold a new saga; null where none begins. */
export const SAGA_COLUMNS = {
  ...{ saga_name: "text", definition: "int", service_version: "text", attempt: "int", saga_data: "jsonb" },
  ...{ correlation_id: "text", traceparent: "text", tracestate: "text", baggage: "text", timeout_ms: "int" },
  ...{ lease_owner: "text", lease_ms: "int", first_step: "text", worker: "text" },
} as const;

/** A new saga as columns of a record. */
export function sagaColumns(saga: NewSaga | undefined) {
  const record = saga?.record;
  const isHeld = record !== undefined && isBegun(record);
  return {
    saga_name: record?.definition.name,
    definition: record?.definition.version,
    service_version: record?.serviceVersion,
    attempt: record?.state.attempt,
    saga_data: record?.data,
    correlation_id: record?.origin.correlationId,
    traceparent: record?.origin.traceparent,
    tracestate: record?.origin.tracestate,
    baggage: record?.origin.baggage,
    timeout_ms: record && Math.round(record.overdueAt - record.startedAt),
    lease_owner: isHeld ? saga?.worker.leaseName : "",
    lease_ms: isHeld ? LEASE_MS : 0,
    first_step: record?.definition.steps[0]?.name,
    worker: saga?.worker.name,
  };
}

/** Begins the sagas in the relation `from`, which has an order_id and SAGA_COLUMNS. */
export function insertSagas(from: string): string {
  return `INSERT INTO sagas (order_id, name, definition, service_version, direction, step, attempt, uncertain, reason,
      data, cancel_requested, correlation_id, traceparent, tracestate, baggage, deadline, next_attempt_time, lease_owner, lease_until, fence, revision, stuck)
    SELECT order_id, saga_name, definition, service_version, 'forward', 0, attempt, false, '',
      saga_data, false, correlation_id, traceparent, tracestate, baggage, now() + timeout_ms * interval '1 ms', now(), lease_owner,
      now() + lease_ms * interval '1 ms', 1, 1, false
    FROM ${from}`;
}

/** What an attempt's row holds beside the order_id, as SQL expressions; an attempt that goes on has no outcome yet. */
interface AttemptRow {
  readonly saga: string;
  readonly step: string;
  readonly undo: string;
  readonly number: string;
  readonly worker: string;
  readonly outcome?: string;
  readonly reason?: string;
  readonly servedBy?: string;
  readonly finishedTime?: string;
}

/** Writes an attempt for each row of `from`, which may go on with a condition and what is done on conflict. */
export function insertAttempts(row: AttemptRow, from: string): string {
  const {
    saga,
    step,
    undo,
    number,
    worker,
    outcome = "''",
    reason = "''",
    servedBy = "''",
    finishedTime = "NULL",
  } = row;
  return `INSERT INTO saga_attempts (order_id, saga, step, undo, number, outcome, reason, worker, served_by, finished_time)
    SELECT order_id, ${saga}, ${step}, ${undo}, ${number}, ${outcome}, ${reason}, ${worker}, ${servedBy}, ${finishedTime}::timestamptz
    FROM ${from}`;
}

/** CTEs that begin the sagas in `held` and, of those that are driven from the start, the first attempt. */
export const BEGIN_SAGA = {
  saga: insertSagas("held WHERE saga_name IS NOT NULL"),
  attempt: insertAttempts(
    { saga: "saga_name || '/' || definition", step: "first_step", undo: "false", number: "1", worker: "worker" },
    "held WHERE attempt = 1",
  ),
} as const;

/** A saga waits for as long as nothing but this is written to it. */
export const STILL_WAITING = "CASE WHEN waiting_revision = revision THEN revision + 1 END";

/** Tells the sagas that place the orders in `held` of the wish to cancel: they see it by their revision. */
export const TELL_PLACING = `UPDATE sagas SET cancel_requested = true, revision = revision + 1, waiting_revision = ${STILL_WAITING}
  FROM held WHERE sagas.order_id = held.order_id AND name = '${PLACE_ORDER.name}' AND finished_time IS NULL`;
