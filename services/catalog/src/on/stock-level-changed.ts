import { StockLevelChanged } from "@row/gen/grpc/shop/inventory/v1/inventory_events.ts";
import { type Queryable, statement } from "@row/runtime/database/postgres.ts";
import { batchValues, FRESH_BATCH } from "@row/runtime/events/inbox.ts";
import type { Received } from "@row/runtime/events/subscribe.ts";

const rememberAvailability = statement(
  "on-stock-level-changed",
  `WITH ${FRESH_BATCH}
  INSERT INTO availability AS known (product_id, available)
  SELECT DISTINCT level.product_id, level.available
  FROM unnest($2::uuid[], $5::uuid[], $6::boolean[]) AS level (event_id, product_id, available) JOIN fresh USING (event_id)
  ON CONFLICT (product_id) DO UPDATE SET available = excluded.available WHERE known.available <> excluded.available`,
);

/** A product is available while some are on hand, also one that is not in the catalog yet. */
export function stockLevelChanged(db: Queryable) {
  return {
    event: StockLevelChanged,
    batch: {
      size: 100,
      handler: (batch: readonly Received<StockLevelChanged>[]) =>
        rememberAvailability(db, [
          ...batchValues(batch),
          batch.map(({ event }) => event.productId),
          batch.map(({ event }) => event.onHand > 0n),
        ]),
    },
  };
}
