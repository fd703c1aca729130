import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MeshView } from "@row/mesh/haproxy/workload.ts";
import { named } from "@row/mesh/resources/lookup.ts";
import { FIRST_VERSION } from "@row/runtime/names.ts";
import { replaceFile } from "@row/topology/replace-file.ts";
import { observerProgram } from "../bundle/programs.ts";
import { logFile } from "../state-dir.ts";
import { healthy } from "../stores/nats.ts";
import type { ProcessSpec } from "../supervisor/supervised-process.ts";
import type { MeshFolders } from "./instance.ts";
import type { MeshHost } from "./mesh-host.ts";
import type { MeshPorts } from "./mesh-ports.ts";

/** How to run the process that counts, keeps traces and breaks circuits. */
export function observerProcess(
  { installation: { root, stateDir }, programs }: Pick<MeshHost, "installation" | "programs">,
  folders: MeshFolders,
  ports: MeshPorts,
): ProcessSpec | undefined {
  const program = observerProgram(root);
  if (!existsSync(program)) return undefined;
  const data = observerFolder(folders);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const http = `127.0.0.1:${ports.observerHttp}`;
  return {
    name: "observer",
    service: "observer",
    version: FIRST_VERSION,
    command: process.execPath,
    args: () => programs.argumentsFor(program),
    cwd: data,
    env: {
      TZ: "UTC",
      PATH: process.env.PATH ?? "",
      OBSERVER_LOG_ADDRESS: `127.0.0.1:${ports.observerLog}`,
      OBSERVER_HTTP_ADDRESS: http,
      OBSERVER_DATA_DIR: data,
      OBSERVER_SIDECARS_FILE: sidecarsFile(folders),
    },
    addresses: { http },
    logFile: logFile(stateDir, "observer"),
    isReady: () => healthy(`http://${http}/metrics`),
  };
}

/** Tells the observer which sidecars there are, how they break circuits, and who gets no calls anyway. */
export function writeSidecarsFile(view: MeshView, folders: MeshFolders): void {
  const sidecars = view.workloads.map(({ instance, service, version, calls, sidecar }) => ({
    instance,
    service,
    version,
    statsSocket: sidecar.statsSocket,
    breakers: Object.fromEntries(
      calls.flatMap((callee) => {
        const accrual = named(view.resources, "Service", callee)?.failureAccrual;
        return accrual ? [[callee, accrual]] : [];
      }),
    ),
  }));
  const notReady = view.workloads.filter(({ isReady }) => !isReady).map(({ instance }) => instance);
  const file = sidecarsFile(folders);
  const text = JSON.stringify({ sidecars, notReady }, null, 2);
  // The observer looks whether it changed; it is written again when somebody else changed it.
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  replaceFile(file, text);
}

export function observerFolder(folders: MeshFolders): string {
  return join(folders.root, "observer");
}

function sidecarsFile(folders: MeshFolders): string {
  return join(folders.root, "sidecars.json");
}
