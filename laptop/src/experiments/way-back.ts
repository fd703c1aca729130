/** How a run's changes are taken back, through the mesh of a running shop. */
import type { WayBack } from "@row/mesh/experiments/run/bring-back.ts";
import type { AskMesh } from "../sidecars/requests.ts";

export function wayBack(ask: AskMesh): WayBack {
  return {
    async undeploy(service, version) {
      const { deployments } = await ask("deployments", { service });
      if (deployments.some((deployed) => deployed.version === version)) await ask("undeploy", { service, version });
    },
    async restore(service, before) {
      await ask("restoreSplits", { service, splits: before });
    },
  };
}
