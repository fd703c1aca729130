/** Orders in Postgres. Every write that matters is one statement, which orders that come together share. */
import type { Address } from "@row/gen/grpc/shop/shipping/v1/address.ts";
import { Batcher } from "@row/runtime/database/batcher.ts";
import type { RememberedRequest } from "@row/runtime/database/idempotency.ts";
import { isDeadlock, isUniqueViolation, statement } from "@row/runtime/database/postgres.ts";
import { along, write } from "@row/runtime/database/write.ts";
import type pg from "pg";
import { CHANGE_COLUMNS, CHANGED, type Change, changeColumns } from "./change.ts";
import { type EventRow, fromRow } from "./event-schema.ts";
import type { Order, RecordedEvent } from "./order.ts";
import type { OrderChanges } from "./order-changes.ts";
import { type OrderRow, toOrder } from "./order-row.ts";
import { BEGIN_SAGA, type NewSaga, SAGA_COLUMNS, sagaColumns, TELL_PLACING } from "./saga/saga-statements.ts";

/** Any number of orders, each with its address and its saga. */
const placeOrders = write(
  "orders-place",
  { order_id: "uuid", ...CHANGE_COLUMNS, ...SAGA_COLUMNS, address_id: "uuid", address: "jsonb" },
  {
    ...CHANGED,
    addressed: "INSERT INTO addresses (id, address) SELECT address_id, address FROM held",
    ...BEGIN_SAGA,
  },
  { remembers: true },
);

/** Wishes to cancel, each with the saga that it begins, if it does; those of orders that have changed are left out. */
const requestCancellations = write(
  "orders-request-cancellation",
  { order_id: "uuid", version: "bigint", ...CHANGE_COLUMNS, ...SAGA_COLUMNS },
  {
    ready:
      "SELECT asked.* FROM asked JOIN orders ON id = order_id AND orders.version = asked.version FOR UPDATE OF orders",
    ...CHANGED,
    told: TELL_PLACING,
    ...BEGIN_SAGA,
  },
  { remembers: true },
);

const selectOrders = statement<OrderRow>("orders-get", "SELECT * FROM orders WHERE id = ANY($1::uuid[])");
const selectEvents = statement<EventRow>(
  "orders-events",
  "SELECT version, type, schema_version, data, created_time FROM order_events WHERE order_id = $1 AND version > $2 ORDER BY version",
);
const selectAddress = statement<{ address: Address }>("orders-address", "SELECT address FROM addresses WHERE id = $1");

export class OrderStore {
  readonly pool: pg.Pool;
  readonly #changes: OrderChanges;
  readonly #placing: Batcher<Parameters<typeof placeOrders>[1][number], boolean>;
  readonly #finding: Batcher<string, Order | undefined>;

  constructor(pool: pg.Pool, changes: OrderChanges) {
    this.pool = pool;
    this.#changes = changes;
    this.#finding = new Batcher(
      async (ids) => {
        const orders = new Map((await selectOrders(pool, [ids])).map((row) => [row.id, toOrder(row)]));
        return ids.map((id) => orders.get(id));
      },
      (id) => id,
    );
    this.#placing = new Batcher(
      (orders) => placeOrders(pool, orders),
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

  /** Tells whoever watches an order that it has changed. */
  announce(orderId: string): void {
    this.#changes.announce(orderId);
  }

  /** Where to ship to; undefined once erased. */
  async address(id: string): Promise<Address | undefined> {
    const [row] = await selectAddress(this.pool, [id]);
    return row?.address;
  }

  /** Writes a new order with everything that belongs to it. False when the request was answered before. */
  async place(placed: Change, address: Address, saga: NewSaga, answer: RememberedRequest): Promise<boolean> {
    const isNew = await this.#placing.do({
      order_id: placed.order.id,
      ...changeColumns(placed),
      ...sagaColumns(saga),
      address_id: placed.order.addressId,
      address,
      ...along({ events: placed.published, answer }),
    });
    if (isNew) this.#changes.announce(placed.order.id);
    return isNew;
  }

  /**
   * Records the wish to cancel, tells the saga under way, and begins `saga` if there is one. False when the order has changed
   * since it was read as `before`: read it again and decide anew.
   */
  async requestCancellation(
    before: Order,
    wished: Change,
    saga: NewSaga | undefined,
    answer: RememberedRequest,
  ): Promise<boolean> {
    const wish = {
      order_id: before.id,
      version: String(before.version),
      ...changeColumns(wished),
      ...sagaColumns(saga),
      ...along({ events: wished.published, answer }),
    };
    try {
      const [isDone = false] = await requestCancellations(this.pool, [wish]);
      if (isDone) this.#changes.announce(before.id);
      return isDone;
    } catch (error) {
      // The saga took a step at the same moment: one of the two must look again.
      if (isUniqueViolation(error, "order_events_pkey") || isDeadlock(error)) return false;
      throw error;
    }
  }
}
