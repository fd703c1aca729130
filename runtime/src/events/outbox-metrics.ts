/** How far the publishing of events is behind. */
import type pg from "pg";
import { gauges } from "../telemetry/gauges.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { outboxBacklog } from "./relay.ts";

/** Shows how many events wait to be published, and for how long. */
export function showOutbox({ meter }: Pick<Telemetry, "meter">, pool: pg.Pool): void {
  const table = {
    unpublished: { name: "outbox.unpublished", description: "Events written and not yet published" },
    oldestSeconds: { name: "outbox.oldest", description: "Age of the oldest event not yet published", unit: "s" },
  };
  gauges(meter, table, () => outboxBacklog(pool));
}
