import type { Telemetry } from "@row/runtime/telemetry.ts";
import type { SagaStore } from "./saga/saga-store.ts";

/** Shows how many sagas are open, and how many of them somebody has to look at. */
export function gaugeSagas({ meter }: Telemetry, sagas: SagaStore): void {
  const open = meter.createObservableGauge("orders.sagas.open", { description: "Sagas that are not finished" });
  const stuck = meter.createObservableGauge("orders.sagas.stuck", {
    description: "Sagas that somebody has to look at",
  });
  meter.addBatchObservableCallback(
    async (result) => {
      const counted = await sagas.countOpen().catch(() => undefined); // no database, no figures
      if (!counted) return;
      result.observe(open, counted.open);
      result.observe(stuck, counted.stuck);
    },
    [open, stuck],
  );
}
