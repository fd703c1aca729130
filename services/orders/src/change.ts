/** What a decision adds to an order's stream, with everything that must be written along with it. */
import { randomUUIDv7 } from "node:crypto";
import type { OutboxEvent } from "@row/runtime/events/outbox.ts";
import { schemaVersion, toData } from "./event-schema.ts";
import { evolve, type Order, type OrderEvent } from "./order.ts";
import { toPublicEvent } from "./order-message.ts";
import { toRowJson } from "./order-row.ts";

/** An event as order_events holds it. */
interface EventJson {
  readonly version: string;
  readonly type: string;
  readonly schema_version: number;
  readonly data: object;
}

/** New events of one order, the order after them and their public twins. */
export interface Change {
  readonly order: Order;
  readonly events: readonly EventJson[];
  readonly published: readonly OutboxEvent[];
}

/** The order that an event begins. */
export function newOrder(event: OrderEvent): Change {
  return changeOf(randomUUIDv7(), undefined, [event]);
}

/** Applies events to an order, newest last. `order` is undefined for one that is being placed. */
export function changeOf(
  id: string,
  order: Order | undefined,
  events: readonly OrderEvent[],
  time = new Date(),
): Change {
  let current = order;
  const published: OutboxEvent[] = [];
  const stored: EventJson[] = [];
  for (const event of events) {
    const version = (current?.version ?? 0n) + 1n;
    current = evolve(id, current, { event, version, time });
    const { type } = event;
    stored.push({ version: String(version), type, schema_version: schemaVersion(type), data: toData(event) });
    published.push(toPublicEvent(current, event));
  }
  if (!current) throw new Error(`Cannot change order "${id}": no events and no order`);
  return { order: current, events: stored, published };
}

/** The columns of a record, beside its order_id, that hold a change; null where an order does not change. */
export const CHANGE_COLUMNS = { changed_time: "timestamptz", events: "json", view: "jsonb" } as const;

/** A change as columns of a record. */
export function changeColumns(change: Change | undefined) {
  return {
    changed_time: change?.order.updateTime,
    events: change?.events,
    view: change && toRowJson(change.order),
  };
}

/** CTEs that append the events of the changes in `held` to their streams and renew the view. */
export const CHANGED = {
  appended: `INSERT INTO order_events (order_id, version, type, schema_version, data, created_time)
    SELECT order_id, e.version, e.type, e.schema_version, e.data, changed_time
    FROM held, json_to_recordset(events) AS e (version bigint, type text, schema_version int, data jsonb)`,
  viewed: `INSERT INTO orders SELECT r.* FROM held, jsonb_populate_record(NULL::orders, view) AS r WHERE view IS NOT NULL
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, cancel_reason = excluded.cancel_reason,
      payment_id = excluded.payment_id, cancel_requested = excluded.cancel_requested, version = excluded.version,
      update_time = excluded.update_time`,
} as const;
