/** Prometheus's names for OpenTelemetry's metrics, as the compatibility specification gives them: the unit, in full, ends the name. */
import type { MetricData, ResourceMetrics } from "@opentelemetry/sdk-metrics";

/** The units in use here; UCUM's short word and Prometheus's. */
const UNITS: Readonly<Record<string, string>> = { s: "seconds", By: "bytes" };

/** The same metrics, named for Prometheus's exporter, which takes names as they are. */
export function namedForPrometheus(metrics: ResourceMetrics): ResourceMetrics {
  const scopeMetrics = metrics.scopeMetrics.map((scope) => ({ ...scope, metrics: scope.metrics.map(named) }));
  return { ...metrics, scopeMetrics };
}

function named(metric: MetricData): MetricData {
  const { name, unit: short } = metric.descriptor;
  const unit = unitOf(name, short);
  const isThere = unit === "" || name.endsWith(`.${unit}`);
  return { ...metric, descriptor: { ...metric.descriptor, unit, name: isThere ? name : `${name}.${unit}` } };
}

/** "{event}" and the like say what is counted and are no unit. */
function unitOf(name: string, short: string): string {
  if (short === "" || /^\{.*\}$/.test(short)) return "";
  const unit = UNITS[short];
  if (unit === undefined)
    throw new Error(`Cannot show ${name}: Prometheus's word for the unit "${short}" is not known here`);
  return unit;
}
