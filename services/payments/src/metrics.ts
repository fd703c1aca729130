/** What payments measures of its own. */
import type { Queryable } from "@row/runtime/database/postgres.ts";
import type { Telemetry } from "@row/runtime/telemetry/telemetry.ts";
import { countRefunds } from "./refund-requests.ts";

/** Shows how many refunds are asked for and not made, and how many of them somebody has to look at. */
export function showRefunds({ meter }: Pick<Telemetry, "meter">, db: Queryable): void {
  const open = meter.createObservableGauge("payments.refunds.open", {
    description: "Refunds asked for and not made yet",
  });
  const stuck = meter.createObservableGauge("payments.refunds.stuck", {
    description: "Refunds that somebody has to look at: the card gateway refuses them",
  });
  const oldest = meter.createObservableGauge("payments.refunds.oldest", {
    description: "Age of the oldest refund that is not made yet",
    unit: "s",
  });
  meter.addBatchObservableCallback(
    async (result) => {
      const counted = await countRefunds(db).catch(() => undefined); // no database, no figures
      if (!counted) return;
      result.observe(open, counted.open);
      result.observe(stuck, counted.stuck);
      result.observe(oldest, counted.oldestSeconds);
    },
    [open, stuck, oldest],
  );
}
