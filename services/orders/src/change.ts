/** What a decision adds to an order's stream, with everything that must be written along with it. */
import type { OutboxEvent } from "@row/runtime/outbox.ts";
import { schemaVersion, toData } from "./event-schema.ts";
import { evolve, type Order, type OrderEvent } from "./order.ts";
import { toPublicEvent } from "./order-message.ts";
import { toRowJson } from "./order-row.ts";

/** New events of one order, the order after them and their public twins. */
export interface Change {
  readonly order: Order;
  readonly versions: readonly string[];
  readonly types: readonly string[];
  readonly schemaVersions: readonly number[];
  readonly data: readonly string[];
  readonly published: readonly OutboxEvent[];
}

/** Applies events to an order, newest last. `order` is undefined for one that is being placed. */
export function change(id: string, order: Order | undefined, events: readonly OrderEvent[], time = new Date()): Change {
  let current = order;
  const published: OutboxEvent[] = [];
  const versions: string[] = [];
  for (const event of events) {
    const version = (current?.version ?? 0n) + 1n;
    current = evolve(id, current, { event, version, time });
    versions.push(String(version));
    published.push(toPublicEvent(current, event));
  }
  if (!current) throw new Error(`Cannot change order "${id}": no events and no order`);
  return {
    order: current,
    versions,
    types: events.map((event) => event.type),
    schemaVersions: events.map((event) => schemaVersion(event.type)),
    data: events.map(toData),
    published,
  };
}

/** How many parameters `appendSql` takes. */
export const APPEND_PARAMETERS = 7;

/** The values for `appendSql`. */
export function appendValues({ order, versions, types, schemaVersions, data }: Change): readonly unknown[] {
  return [order.id, versions, types, schemaVersions, data, toRowJson(order), order.updateTime];
}

/** SQL that appends the change's events and renews the view; for CTEs. `held` names the CTE that must have rows. */
export function appendSql(first: number, held: string): { appended: string; viewed: string } {
  const p = (offset: number) => `$${first + offset}`;
  return {
    appended: `INSERT INTO order_events (order_id, version, type, schema_version, data, created_time)
      SELECT ${p(0)}::uuid, e.version, e.type, e.schema_version, e.data, ${p(6)}::timestamptz
      FROM unnest(${p(1)}::bigint[], ${p(2)}::text[], ${p(3)}::int[], ${p(4)}::jsonb[]) AS e(version, type, schema_version, data)
      WHERE EXISTS (SELECT FROM ${held})`,
    viewed: `INSERT INTO orders SELECT r.* FROM jsonb_populate_record(NULL::orders, ${p(5)}::jsonb) AS r
      WHERE EXISTS (SELECT FROM ${held})
      ON CONFLICT (id) DO UPDATE SET state = excluded.state, cancel_reason = excluded.cancel_reason,
        payment_id = excluded.payment_id, cancel_requested = excluded.cancel_requested, version = excluded.version,
        update_time = excluded.update_time`,
  };
}
