/** Orders in Postgres. Every write that matters is one statement. */
import type { Address } from "@row/gen/grpc/shop/shipping/v1/address.ts";
import { type Origin, OUTBOX_PARAMETERS, outboxInsert, outboxValues } from "@row/runtime/outbox.ts";
import { isDeadlock, isUniqueViolation, statement } from "@row/runtime/postgres.ts";
import { REMEMBER_PARAMETERS, rememberRequest } from "@row/runtime/requests.ts";
import type pg from "pg";
import { APPEND_PARAMETERS, appendSql, appendValues, type Change } from "./change.ts";
import { type EventRow, fromRow } from "./event-schema.ts";
import type { Order, RecordedEvent } from "./order.ts";
import { type OrderRow, toOrder } from "./order-row.ts";
import { LEASE_MS, type SagaRecord, type SagaRow, toRecord, type Worker } from "./saga/saga-record.ts";

/** A new saga, and whether this process drives it from the start. */
export interface NewSaga {
  readonly record: SagaRecord;
  readonly isOurs: boolean;
}

const SAGA_PARAMETERS = 13;

/** CTE bodies that begin a saga and, when it is held, its first attempt. */
function beginSaga(first: number, held: string): { saga: string; attempt: string } {
  const p = (offset: number) => `$${first + offset}`;
  return {
    saga: `INSERT INTO sagas (order_id, name, definition, service_version, direction, step, attempt, uncertain, reason,
        data, cancel_requested, correlation_id, traceparent, deadline, next_attempt_time, lease_owner, lease_until, fence, revision, stuck)
      SELECT ${p(0)}::uuid, ${p(1)}, ${p(2)}::int, ${p(3)}, 'forward', 0, ${p(4)}::int, false, '',
        ${p(5)}::jsonb, false, ${p(6)}, ${p(7)}, ${p(8)}::timestamptz, now(), ${p(9)},
        now() + ${p(10)}::int * interval '1 ms', 1, 1, false
      WHERE EXISTS (SELECT FROM ${held})`,
    attempt: `INSERT INTO saga_attempts (order_id, saga, step, undo, number, outcome, reason, worker, served_by)
      SELECT ${p(0)}::uuid, ${p(1)} || '/' || ${p(2)}::int, ${p(11)}, false, 1, '', '', ${p(12)}, ''
      WHERE ${p(4)}::int = 1 AND EXISTS (SELECT FROM ${held})`,
  };
}

function sagaValues({ record, isOurs }: NewSaga, worker: Worker): readonly unknown[] {
  const { definition } = record;
  return [
    record.orderId,
    definition.name,
    definition.version,
    record.serviceVersion,
    isOurs ? 1 : 0,
    JSON.stringify(record.data),
    record.correlationId,
    record.traceparent,
    record.deadline,
    isOurs ? worker.leaseName : "",
    isOurs ? LEASE_MS : 0,
    definition.steps[0]?.name ?? "",
    worker.name,
  ];
}

const REMEMBER = 1;
const APPEND = REMEMBER + REMEMBER_PARAMETERS;
const SAGA = APPEND + APPEND_PARAMETERS;
const OUTBOX = SAGA + SAGA_PARAMETERS;
const LAST = OUTBOX + OUTBOX_PARAMETERS;

const append = appendSql(APPEND, "remembered");
const begin = beginSaga(SAGA, "remembered");

const placeOrder = statement(
  "orders-place",
  `WITH remembered AS (${rememberRequest(REMEMBER)}),
    appended AS (${append.appended}),
    viewed AS (${append.viewed}),
    addressed AS (INSERT INTO addresses (id, address) VALUES ($${LAST}::uuid, $${LAST + 1}::jsonb)),
    saga AS (${begin.saga}),
    attempt AS (${begin.attempt}),
    published AS (${outboxInsert(OUTBOX)})
  SELECT FROM remembered`,
);

/** Cancelling before the charge: the saga learns of it by its revision. */
const requestCancellation = statement<{ done: boolean }>(
  "orders-request-cancellation",
  `WITH held AS (SELECT FROM orders WHERE id = $${APPEND}::uuid AND version = $${LAST}::bigint FOR UPDATE),
    remembered AS (${rememberRequest(REMEMBER, "WHERE EXISTS (SELECT FROM held)")}),
    appended AS (${append.appended}),
    viewed AS (${append.viewed}),
    told AS (UPDATE sagas SET cancel_requested = true, revision = revision + 1
      WHERE order_id = $${APPEND}::uuid AND name = 'place-order' AND finished_time IS NULL AND EXISTS (SELECT FROM remembered)),
    saga AS (${begin.saga} AND $${LAST + 1}::boolean),
    attempt AS (${begin.attempt} AND $${LAST + 1}::boolean),
    published AS (${outboxInsert(OUTBOX, "WHERE EXISTS (SELECT FROM remembered)")})
  SELECT EXISTS (SELECT FROM remembered) AS done`,
);

const selectOrder = statement<OrderRow>("orders-get", "SELECT * FROM orders WHERE id = $1");
const selectEvents = statement<EventRow>(
  "orders-events",
  "SELECT version, type, schema_version, data, created_time FROM order_events WHERE order_id = $1 AND version > $2 ORDER BY version",
);
const selectSaga = statement<SagaRow>("orders-saga", "SELECT * FROM sagas WHERE order_id = $1 AND name = $2");
const selectAddress = statement<{ address: Address }>("orders-address", "SELECT address FROM addresses WHERE id = $1");

export class OrderStore {
  readonly pool: pg.Pool;
  readonly #worker: Worker;

  constructor(pool: pg.Pool, worker: Worker) {
    this.pool = pool;
    this.#worker = worker;
  }

  async get(id: string): Promise<Order | undefined> {
    const [row] = await selectOrder(this.pool, [id]);
    return row && toOrder(row);
  }

  /** The events of an order after a version, oldest first. */
  async events(id: string, after = 0n): Promise<RecordedEvent[]> {
    return (await selectEvents(this.pool, [id, String(after)])).map(fromRow);
  }

  async saga(orderId: string, name: string): Promise<SagaRecord | undefined> {
    const [row] = await selectSaga(this.pool, [orderId, name]);
    return row && toRecord(row);
  }

  /** Where to ship to; undefined once erased. */
  async address(id: string): Promise<Address | undefined> {
    const [row] = await selectAddress(this.pool, [id]);
    return row?.address;
  }

  /** Writes a new order with everything that belongs to it, in one statement. */
  async place(
    placed: Change,
    address: Address,
    saga: NewSaga,
    remembered: readonly unknown[],
    origin: Origin,
  ): Promise<void> {
    await placeOrder(this.pool, [
      ...remembered,
      ...appendValues(placed),
      ...sagaValues(saga, this.#worker),
      ...outboxValues(placed.published, origin),
      placed.order.addressId,
      JSON.stringify(address),
    ]);
  }

  /**
   * Records the wish to cancel, tells the saga under way, and begins `saga` when `begins`. False when the order has
   * changed since it was read: read it again and decide anew.
   */
  async requestCancellation(
    wished: Change,
    before: Order,
    saga: NewSaga,
    begins: boolean,
    remembered: readonly unknown[],
    origin: Origin,
  ): Promise<boolean> {
    try {
      const [row] = await requestCancellation(this.pool, [
        ...remembered,
        ...appendValues(wished),
        ...sagaValues(saga, this.#worker),
        ...outboxValues(wished.published, origin),
        String(before.version),
        begins,
      ]);
      return row?.done ?? false;
    } catch (error) {
      // The saga took a step at the same moment: one of the two must look again.
      if (isUniqueViolation(error, "order_events_pkey") || isDeadlock(error)) return false;
      throw error;
    }
  }
}
