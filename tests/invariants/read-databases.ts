/** Reads each service's tables as the superuser, past the services' own code. */
import type { Shop } from "@row/laptop/shop/shop.ts";
import { rebuild } from "@row/orders/rebuild.ts";
import { durableOf, orderingScopeOf } from "@row/runtime/events/stream-names.ts";
import pg from "pg";
import type { ConsumerEvidence, Evidence, OutboxEvidence } from "./evidence.ts";

/** Runs `read` on a database of the shop. */
export async function inDatabase<T>(shop: Shop, name: string, read: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: shop.infrastructure.adminUrl(name), max: 2 });
  pool.on("error", () => {}); // the query in hand fails, and says so itself
  try {
    return await read(pool);
  } finally {
    await pool.end();
  }
}

interface ItemRow {
  productId: string;
  quantity: number;
}

const toItems = (items: readonly ItemRow[]) =>
  items.map(({ productId, quantity }) => ({ productId, quantity: BigInt(quantity) }));

export function readOrders(shop: Shop) {
  return inDatabase(shop, "orders", async (pool) => {
    const { differences: viewDifferences } = await rebuild(pool);
    const orders = await pool.query("SELECT * FROM orders ORDER BY id");
    const events = await pool.query("SELECT order_id, version FROM order_events");
    const sagas = await pool.query("SELECT * FROM sagas");
    const attempts = await pool.query("SELECT * FROM saga_attempts WHERE outcome <> 'adopted'");
    return {
      viewDifferences,
      orders: orders.rows.map((row) => ({
        id: row.id,
        state: row.state,
        cancelReason: row.cancel_reason,
        totalMinor: BigInt(row.total_minor),
        items: toItems(row.items),
        version: BigInt(row.version),
      })),
      orderEvents: events.rows.map((row) => ({ orderId: row.order_id, version: BigInt(row.version) })),
      sagas: sagas.rows.map((row) => ({
        orderId: row.order_id,
        name: row.name,
        definition: row.definition,
        direction: row.direction,
        isFinished: row.finished_time !== null,
        isStuck: row.stuck,
      })),
      attempts: attempts.rows.map((row) => ({
        orderId: row.order_id,
        saga: row.saga,
        step: row.step,
        undo: row.undo,
        number: row.number,
        outcome: row.outcome,
        isFinished: row.finished_time !== null,
      })),
    } satisfies Partial<Evidence>;
  });
}

export function readInventory(shop: Shop) {
  return inDatabase(shop, "inventory", async (pool) => {
    const stock = await pool.query("SELECT * FROM stock");
    const reservations = await pool.query("SELECT * FROM reservations");
    return {
      stock: stock.rows.map((row) => ({
        productId: row.product_id,
        onHand: BigInt(row.on_hand),
        reserved: BigInt(row.reserved),
        sold: BigInt(row.sold),
        received: BigInt(row.received),
        version: BigInt(row.version),
      })),
      reservations: reservations.rows.map((row) => ({
        orderId: row.order_id,
        state: row.state,
        items: toItems(row.items),
      })),
    } satisfies Partial<Evidence>;
  });
}

export function readCatalog(shop: Shop) {
  return inDatabase(shop, "catalog", async (pool) => {
    const { rows } = await pool.query("SELECT product_id, available FROM availability");
    const availability = rows.map((row) => ({ productId: row.product_id, isAvailable: row.available }));
    return { availability } satisfies Partial<Evidence>;
  });
}

/** What a service has published and taken in. */
export function readEventTables(shop: Shop, service: string, consumes: readonly string[]) {
  return inDatabase(shop, service, async (pool) => {
    const outbox = await pool.query("SELECT id, subject, aggregate_id, sequence, published_time FROM runtime.outbox");
    const inbox = await pool.query("SELECT consumer, event_id FROM runtime.inbox");
    const applied = await pool.query("SELECT consumer, aggregate_id, sequence FROM runtime.applied");
    const inboxOf = Map.groupBy(inbox.rows, ({ consumer }) => String(consumer));
    const appliedOf = Map.groupBy(applied.rows, ({ consumer }) => String(consumer));
    return {
      outbox: outbox.rows.map(
        (row): OutboxEvidence => ({
          service,
          id: row.id,
          subject: row.subject,
          aggregateId: row.aggregate_id,
          sequence: BigInt(row.sequence),
          isPublished: row.published_time !== null,
        }),
      ),
      consumers: consumes.map((event): Omit<ConsumerEvidence, "pending" | "unacknowledged"> => {
        const durable = durableOf(service, event);
        return {
          service,
          event,
          received: (inboxOf.get(durable) ?? []).map(({ event_id }) => String(event_id)),
          applied: new Map(
            (appliedOf.get(orderingScopeOf(service, event)) ?? []).map(({ aggregate_id, sequence }) => [
              String(aggregate_id),
              BigInt(sequence),
            ]),
          ),
        };
      }),
    };
  });
}
