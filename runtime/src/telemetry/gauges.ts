/** Metrics that are counted by a query when they are asked for. */
import type { Meter } from "@opentelemetry/api";

/** How a figure is shown. */
interface Gauge {
  readonly name: string;
  readonly description: string;
  readonly unit?: string;
}

/** Shows each figure of the query's answer as a gauge. While the query fails there are no figures, rather than old ones. */
export function gauges<Figure extends string>(
  meter: Meter,
  table: Readonly<Record<Figure, Gauge>>,
  query: () => Promise<Readonly<Record<Figure, number>>>,
): void {
  const figures = Object.keys(table) as Figure[]; // the table's own keys
  const shown = figures.map((figure) => {
    const { name, ...options } = table[figure];
    return { figure, gauge: meter.createObservableGauge(name, options) };
  });
  meter.addBatchObservableCallback(
    async (result) => {
      const answer = await query().catch(() => undefined);
      if (!answer) return;
      for (const { figure, gauge } of shown) result.observe(gauge, answer[figure]);
    },
    shown.map(({ gauge }) => gauge),
  );
}
