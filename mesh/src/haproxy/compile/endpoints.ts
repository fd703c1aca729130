/** Which instances a Service stands for. */
import type { Service } from "../../resources/resource.ts";
import type { MeshView, Workload } from "../workload.ts";

/** The instances that a Service stands for, ready or not, in the order of their names. */
export function endpointsOf(view: MeshView, service: Service): Workload[] {
  const wanted = Object.entries(service.spec.selector);
  if (wanted.length === 0) return [];
  return view.workloads
    .filter(
      ({ labels, inboundPort }) => inboundPort !== undefined && wanted.every(([key, value]) => labels[key] === value),
    )
    .sort((a, b) => (a.instance < b.instance ? -1 : 1));
}
