/** The mesh's resources → all that one sidecar runs on. */
import { named } from "../../resources/lookup.ts";
import type { MeshView, Workload } from "../workload.ts";
import { anyService } from "./any-service.ts";
import { errorFiles } from "./errors.ts";
import { inboundDefaults, outboundDefaults, processSection } from "./global-section.ts";
import { inbound } from "./inbound.ts";
import { outbound } from "./outbound.ts";
import { edge } from "./public-frontend.ts";
import type { Server } from "./servers.ts";
import { serviceConfig } from "./service-config.ts";
import { checkSupported } from "./unsupported.ts";

/** What a sidecar is to do. Only another configuration, or other answers, take a reload. */
export interface CompiledSidecar {
  /** haproxy.cfg. Neither weights nor who is ready are in it. */
  readonly configuration: string;
  /** Answers that HAProxy makes itself, by the name of the file. */
  readonly errorFiles: Readonly<Record<string, string>>;
  /** The share of each backend whose rule has others. */
  readonly weights: Readonly<Record<string, number>>;
  /** service-config.json, which the app reads. */
  readonly serviceConfig: string;
  /** Every endpoint of outbound calls, and whether it is ready. */
  readonly servers: readonly Server[];
}

/** Pure. Throws CompileError with everything in the view that sidecars cannot do. */
export function compile(view: MeshView, workload: Workload): CompiledSidecar {
  checkSupported(view);
  return compiled(view, workload);
}

/** The same for every workload of the view, by the name of its instance. */
export function compileAll(view: MeshView): ReadonlyMap<string, CompiledSidecar> {
  checkSupported(view);
  return new Map(view.workloads.map((workload) => [workload.instance, compiled(view, workload)]));
}

function compiled(view: MeshView, workload: Workload): CompiledSidecar {
  const services = workload.calls.flatMap((name) => named(view.resources, "Service", name) ?? []);
  const callees = services.map((service) => outbound(view, workload, service));
  const sections = [
    processSection(workload),
    ...(callees.length > 0 ? [outboundDefaults(workload), ...callees.map(({ text }) => text)] : []),
    inboundDefaults(),
    ...inbound(view, workload),
    ...edge(workload),
    ...anyService(workload),
  ];
  return {
    configuration: `${sections.join("\n\n")}\n`,
    errorFiles: errorFiles(),
    weights: Object.fromEntries(
      callees.flatMap(({ shared }) => shared.map(({ name, weight }) => [name, weight] as const)),
    ),
    serviceConfig: `${JSON.stringify(serviceConfig(view, services), null, 2)}\n`,
    servers: callees.flatMap(({ backends }) =>
      backends.flatMap(({ name, endpoints }) => endpoints.map((endpoint) => ({ backend: name, ...endpoint }))),
    ),
  };
}
