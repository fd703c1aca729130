/** What payments measures of its own. */
import type { Queryable } from "@row/runtime/database/postgres.ts";
import { gauges } from "@row/runtime/telemetry/gauges.ts";
import type { Telemetry } from "@row/runtime/telemetry/telemetry.ts";
import { countRefunds } from "./refund-requests.ts";

/** Shows how many refunds are asked for and not made, and how many of them somebody has to look at. */
export function showRefunds({ meter }: Pick<Telemetry, "meter">, db: Queryable): void {
  const table = {
    open: { name: "payments.refunds.open", description: "Refunds asked for and not made yet" },
    stuck: {
      name: "payments.refunds.stuck",
      description: "Refunds that somebody has to look at: the card gateway refuses them",
    },
    oldestSeconds: {
      name: "payments.refunds.oldest",
      description: "Age of the oldest refund that is not made yet",
      unit: "s",
    },
  };
  gauges(meter, table, () => countRefunds(db));
}
