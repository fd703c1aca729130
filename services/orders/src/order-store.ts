/** Orders in Postgres. Every write that matters is one statement, which orders that come together share. */
import type { Address } from "@row/gen/grpc/shop/shipping/v1/address.ts";
import { Batcher } from "@row/runtime/database/batcher.ts";
import {
  REMEMBERED_COLUMNS,
  type RememberedRequest,
  rememberRequest,
  rememberRequestsFrom,
} from "@row/runtime/database/idempotency.ts";
import { isDeadlock, isUniqueViolation, statement } from "@row/runtime/database/postgres.ts";
import { RECORDS_PARAMETERS, recordsOf, recordValues } from "@row/runtime/database/records.ts";
import { type Origin, outboxInsertFrom } from "@row/runtime/events/outbox.ts";
import type pg from "pg";
import { appendSql, CHANGE_COLUMNS, type Change, changeJson } from "./change.ts";
import { type EventRow, fromRow } from "./event-schema.ts";
import type { Order, RecordedEvent } from "./order.ts";
import { type OrderRow, toOrder } from "./order-row.ts";
import { LEASE_MS, type SagaRecord, type SagaRow, toRecord, type Worker } from "./saga/saga-record.ts";
import { STILL_WAITING } from "./saga/saga-store.ts";

/** A new saga, and whether this process drives it from the start. */
export interface NewSaga {
  readonly record: SagaRecord;
  readonly isOurs: boolean;
}

const SAGA_COLUMNS = `saga_name text, definition int, service_version text, attempt int, saga_data jsonb, correlation_id text,
  traceparent text, deadline timestamptz, lease_owner text, lease_ms int, first_step text, worker text`;

function sagaJson({ record, isOurs }: NewSaga, worker: Worker): object {
  const { definition } = record;
  return {
    saga_name: definition.name,
    definition: definition.version,
    service_version: record.serviceVersion,
    attempt: isOurs ? 1 : 0,
    saga_data: record.data,
    correlation_id: record.correlationId,
    traceparent: record.traceparent,
    deadline: record.deadline,
    lease_owner: isOurs ? worker.leaseName : "",
    lease_ms: isOurs ? LEASE_MS : 0,
    first_step: definition.steps[0]?.name ?? "",
    worker: worker.name,
  };
}

/** CTE bodies that begin the sagas in the relation `from` and, of those that are held, the first attempt. */
function beginSagas(from: string, condition = "true"): { saga: string; attempt: string } {
  return {
    saga: `INSERT INTO sagas (order_id, name, definition, service_version, direction, step, attempt, uncertain, reason,
        data, cancel_requested, correlation_id, traceparent, deadline, next_attempt_time, lease_owner, lease_until, fence, revision, stuck)
      SELECT order_id, saga_name, definition, service_version, 'forward', 0, attempt, false, '',
        saga_data, false, correlation_id, traceparent, deadline, now(), lease_owner,
        now() + lease_ms * interval '1 ms', 1, 1, false
      FROM ${from} WHERE ${condition}`,
    attempt: `INSERT INTO saga_attempts (order_id, saga, step, undo, number, outcome, reason, worker, served_by)
      SELECT order_id, saga_name || '/' || definition, first_step, false, 1, '', '', worker, ''
      FROM ${from} WHERE attempt = 1 AND ${condition}`,
  };
}

const append = appendSql("held");
const begin = beginSagas("held");

const ORDER_COLUMNS = `order_id uuid, ${REMEMBERED_COLUMNS}, ${CHANGE_COLUMNS}, ${SAGA_COLUMNS}, address_id uuid, address jsonb`;

/** Any number of orders; those whose request was remembered before are left out. */
const placeOrders = statement<{ order_id: string }>(
  "orders-place",
  `WITH asked AS (${recordsOf(ORDER_COLUMNS)}),
    remembered AS (${rememberRequestsFrom("asked")}),
    held AS (SELECT asked.* FROM asked JOIN remembered USING (caller, method, request_id)),
    appended AS (${append.appended}),
    viewed AS (${append.viewed}),
    addressed AS (INSERT INTO addresses (id, address) SELECT address_id, address FROM held),
    saga AS (${begin.saga}),
    attempt AS (${begin.attempt}),
    published AS (${outboxInsertFrom("held")})
  SELECT order_id FROM held`,
);

const VERSION = 1 + RECORDS_PARAMETERS;
const BEGINS = VERSION + 1;
const REMEMBER = BEGINS + 1;
const cancelling = beginSagas("held", `$${BEGINS}::boolean`);

/** Cancelling before the charge: the saga learns of it by its revision. */
const requestCancellation = statement<{ done: boolean }>(
  "orders-request-cancellation",
  `WITH asked AS (${recordsOf(`order_id uuid, ${CHANGE_COLUMNS}, ${SAGA_COLUMNS}`)}),
    locked AS (SELECT id FROM orders JOIN asked ON id = order_id WHERE version = $${VERSION}::bigint FOR UPDATE OF orders),
    remembered AS (${rememberRequest(REMEMBER, "WHERE EXISTS (SELECT FROM locked)")}),
    held AS (SELECT asked.* FROM asked WHERE EXISTS (SELECT FROM remembered)),
    appended AS (${append.appended}),
    viewed AS (${append.viewed}),
    told AS (UPDATE sagas SET cancel_requested = true, revision = revision + 1, waiting_revision = ${STILL_WAITING} FROM held
      WHERE sagas.order_id = held.order_id AND name = 'place-order' AND finished_time IS NULL),
    saga AS (${cancelling.saga}),
    attempt AS (${cancelling.attempt}),
    published AS (${outboxInsertFrom("held")})
  SELECT EXISTS (SELECT FROM held) AS done`,
);

const selectOrders = statement<OrderRow>("orders-get", "SELECT * FROM orders WHERE id = ANY($1::uuid[])");
const selectEvents = statement<EventRow>(
  "orders-events",
  "SELECT version, type, schema_version, data, created_time FROM order_events WHERE order_id = $1 AND version > $2 ORDER BY version",
);
const selectSaga = statement<SagaRow>("orders-saga", "SELECT * FROM sagas WHERE order_id = $1 AND name = $2");
const selectAddress = statement<{ address: Address }>("orders-address", "SELECT address FROM addresses WHERE id = $1");

export class OrderStore {
  readonly pool: pg.Pool;
  readonly #worker: Worker;
  readonly #placing: Batcher<RememberedRequest & { readonly order_id: string }, boolean>;
  readonly #finding: Batcher<string, Order | undefined>;

  constructor(pool: pg.Pool, worker: Worker) {
    this.pool = pool;
    this.#worker = worker;
    this.#finding = new Batcher(
      async (ids) => {
        const orders = new Map((await selectOrders(pool, [ids])).map((row) => [row.id, toOrder(row)]));
        return ids.map((id) => orders.get(id));
      },
      (id) => id,
    );
    this.#placing = new Batcher(
      async (orders) => {
        const placed = await placeOrders(pool, recordValues(orders));
        const ids = new Set(placed.map(({ order_id }) => order_id));
        return orders.map(({ order_id }) => ids.has(order_id));
      },
      ({ caller, request_id }) => `${caller} ${request_id}`,
    );
  }

  get(id: string): Promise<Order | undefined> {
    return this.#finding.do(id);
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

  /** Writes a new order with everything that belongs to it. False when the request was remembered before. */
  place(
    placed: Change,
    address: Address,
    saga: NewSaga,
    remembered: RememberedRequest,
    origin: Origin,
  ): Promise<boolean> {
    const order = {
      order_id: placed.order.id,
      ...remembered,
      ...changeJson(placed, origin),
      ...sagaJson(saga, this.#worker),
      address_id: placed.order.addressId,
      address,
    };
    return this.#placing.do(order);
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
        ...recordValues([{ order_id: before.id, ...changeJson(wished, origin), ...sagaJson(saga, this.#worker) }]),
        String(before.version),
        begins,
        ...remembered,
      ]);
      return row?.done ?? false;
    } catch (error) {
      // The saga took a step at the same moment: one of the two must look again.
      if (isUniqueViolation(error, "order_events_pkey") || isDeadlock(error)) return false;
      throw error;
    }
  }
}
