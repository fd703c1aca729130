import type { ShopPlan } from "../shop.ts";
import { COLLECTOR, telemetryConfigMap } from "./collector.ts";
import { dashboards, grafana } from "./grafana.ts";
import { JAEGER } from "./jaeger.ts";
import { LOGS } from "./logs.ts";
import { LOKI } from "./loki.ts";
import { namespace } from "./namespace.ts";
import type { Part } from "./part.ts";
import { partObjects } from "./part-objects.ts";
import { everyPod, meshPolicy, networkPolicy } from "./part-policies.ts";
import { mayListPods, PROMETHEUS_EGRESS, prometheus } from "./prometheus.ts";

/** The observability profile's objects by the file that they are written to. The namespace's sorts first. */
export function observabilityFiles({ root }: ShopPlan): Map<string, object[]> {
  const parts = [COLLECTOR, JAEGER, prometheus(root), LOKI, LOGS, grafana(root)];
  const further = new Map<string, object[]>([
    [COLLECTOR.name, [telemetryConfigMap()]],
    ["prometheus", mayListPods(prometheus(root))],
    ["grafana", [dashboards(root)]],
  ]);
  const fileOf = (part: Part) => [
    // Who may do what comes before those who do it.
    ...meshPolicy(part),
    networkPolicy(part, parts, part.name === "prometheus" ? PROMETHEUS_EGRESS : []),
    ...(further.get(part.name) ?? []),
    ...partObjects(part),
  ];
  return new Map([
    ["00-namespace", [namespace(), everyPod("prometheus", COLLECTOR.name)]],
    ...parts.map((part): [string, object[]] => [part.name, fileOf(part)]),
  ]);
}
