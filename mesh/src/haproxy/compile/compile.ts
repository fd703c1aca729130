/** The mesh's resources → everything in one sidecar's folder. */
import { named } from "../../resources/lookup.ts";
import type { MeshView, Workload } from "../workload.ts";
import { anyService } from "./any-service.ts";
import type { Endpoint } from "./backend.ts";
import { errorFiles } from "./errors.ts";
import { inboundDefaults, outboundDefaults, processSection } from "./global-section.ts";
import { inbound } from "./inbound.ts";
import { outbound } from "./outbound.ts";
import { edge } from "./public-frontend.ts";
import { serviceConfig } from "./service-config.ts";
import { checkSupported } from "./unsupported.ts";
import { WEIGHTS_FILE, weightsText } from "./weights.ts";

export interface CompiledSidecar {
  /** Texts by their name in the sidecar's folder: haproxy.cfg, weights.map, *.http, service-config.json. */
  readonly files: Readonly<Record<string, string>>;
  /** What is in weights.map: the share of each backend whose rule has others. */
  readonly weights: Readonly<Record<string, number>>;
  /** The backends of outbound calls, "catalog:catalog-fast:0:catalog-v1", and their servers. */
  readonly backends: Readonly<Record<string, readonly Endpoint[]>>;
}

/** The main file's name in the sidecar's folder. */
const CONFIGURATION_FILE = "haproxy.cfg";

/** Pure. Throws CompileError with everything in the view that sidecars cannot do. */
export function compile(view: MeshView, workload: Workload): CompiledSidecar {
  checkSupported(view);
  const services = workload.calls.flatMap((name) => named(view.resources, "Service", name) ?? []);
  const callees = services.map((service) => outbound(view, workload, service));
  const weights = Object.fromEntries(
    callees.flatMap(({ shared }) => shared.map(({ name, weight }) => [name, weight] as const)),
  );
  const sections = [
    processSection(workload),
    ...(callees.length > 0 ? [outboundDefaults(workload), ...callees.map(({ text }) => text)] : []),
    inboundDefaults(),
    ...inbound(view, workload),
    ...edge(workload),
    ...anyService(workload),
  ];
  return {
    files: {
      [CONFIGURATION_FILE]: `${sections.join("\n\n")}\n`,
      [WEIGHTS_FILE]: weightsText(weights),
      ...errorFiles(),
      "service-config.json": `${JSON.stringify(serviceConfig(view, services), null, 2)}\n`,
    },
    weights,
    backends: Object.fromEntries(
      callees.flatMap(({ backends }) => backends.map(({ name, endpoints }) => [name, endpoints] as const)),
    ),
  };
}
