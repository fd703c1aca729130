/** What orders measures of its own. */
import { versionOf } from "@row/runtime/names.ts";
import { gauges } from "@row/runtime/telemetry/gauges.ts";
import type { Telemetry } from "@row/runtime/telemetry/telemetry.ts";
import type { Progress } from "./saga/saga-progress.ts";
import type { SagaStore } from "./saga/saga-store.ts";

/** A saga that meets no trouble takes a fraction of a second, one that waits for a callee up to its time and longer. */
const BUCKETS_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** Shows how many sagas are open, how many of them somebody has to look at, and how those that ended did. */
export class SagaMetrics {
  readonly #durations;
  readonly #attempts;

  constructor({ meter }: Pick<Telemetry, "meter">, sagas: Pick<SagaStore, "countOpen">) {
    this.#durations = meter.createHistogram("orders.saga.duration", {
      description: "Time from the beginning of a saga to its end",
      unit: "s",
      advice: { explicitBucketBoundaries: BUCKETS_SECONDS },
    });
    this.#attempts = meter.createCounter("orders.saga.attempts", {
      description: "Attempts at a saga's steps that have ended, by how and by the version that decided",
    });
    const table = {
      open: { name: "orders.sagas.open", description: "Sagas that are not finished" },
      stuck: { name: "orders.sagas.stuck", description: "Sagas that somebody has to look at" },
      oldestSeconds: {
        name: "orders.sagas.oldest",
        description: "Age of the oldest saga that is not finished",
        unit: "s",
      },
    };
    gauges(meter, table, () => sagas.countOpen());
  }

  /** Counts a saga that has ended: "succeeded", or "failed" after it turned round. */
  finished({ saga, next }: Pick<Progress, "saga" | "next">): void {
    const seconds = Math.max(0, performance.now() - saga.startedAt) / 1_000;
    this.#durations.record(seconds, { saga: saga.definition.name, outcome: next.direction });
  }

  /** Counts an attempt at a step that has ended: decided by the version that answered ("payments/v2"), "unknown" for no answer. */
  attempted({ saga, ended }: Pick<Progress, "saga" | "ended">): void {
    if (!ended) return;
    const { step, undo, outcome, servedBy } = ended;
    const attributes = { saga: saga.definition.name, step: undo ? `undo-${step}` : step, outcome: outcome.kind };
    this.#attempts.add(1, { ...attributes, decided_by: versionOf(servedBy) });
  }
}
