import { join } from "node:path";
import { SERVICE_CONFIG_FILE } from "@row/mesh/haproxy/compile/files.ts";
import { FIRST_VERSION } from "@row/runtime/names.ts";
import { type Installation, realPort } from "../installation.ts";
import { addressesOf, type ProcessEndpoint } from "../shop/service-process.ts";
import type { Behaviours } from "./behaviours.ts";
import { type Instance, instanceName } from "./instance.ts";
import type { MeshPorts } from "./mesh-ports.ts";

/** An instance behind a sidecar: it listens, and finds others, on unix sockets. */
export function meshedEndpoint(
  { workload, service, deployment, adminPort }: Instance,
  installation: Installation,
  ports: MeshPorts,
  behaviours: Pick<Behaviours, "fileOf">,
): ProcessEndpoint {
  const { instance, version, appSocket, httpSocket, inboundPort, sidecar } = workload;
  const isFirst = instance === instanceName({ ...deployment, version: FIRST_VERSION }, 1);
  const admin = `127.0.0.1:${adminPort}`;
  const declared = isFirst ? addressesOf(service, installation) : { admin };
  return {
    instance,
    version,
    addresses: { ...declared, ...(inboundPort === undefined ? {} : { mesh: `127.0.0.1:${inboundPort}` }) },
    listen: unix(httpSocket ?? appSocket ?? ""),
    grpcListen: httpSocket && appSocket ? unix(appSocket) : undefined,
    admin,
    addressOf: ({ name, kind, port }) =>
      kind === "outside" ? `127.0.0.1:${realPort(installation, port)}` : unix(sidecar.outboundSockets[name] ?? ""),
    env: {
      MESH: "on",
      BEHAVIOUR_FILE: behaviours.fileOf(service.name, version),
      SERVICE_CONFIG_FILE: join(sidecar.folder, SERVICE_CONFIG_FILE),
      OTEL_EXPORTER_OTLP_ENDPOINT: process.env.OTEL_EXPORTER_OTLP_ENDPOINT || `http://127.0.0.1:${ports.observerHttp}`,
    },
  };
}

function unix(path: string): string {
  return `unix:${path}`;
}
