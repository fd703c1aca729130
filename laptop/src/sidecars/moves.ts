/** How the versions of a service come, share its calls and go, through the mesh of a running shop: for what moves them step by step. */
import type { RuleSplit } from "@row/mesh/policy/traffic-split.ts";
import type { AskMesh, RequestOf } from "./requests.ts";

export interface Moves {
  /** Answers the instances that serve. */
  deploy(version: RequestOf<"deploy">): Promise<readonly string[]>;
  /** Takes a version away, drained; nothing where it is not there. */
  undeploy(service: string, version: string): Promise<void>;
  /** Resolves once every caller follows, in all routes of the service. @param weights by version */
  weigh(service: string, weights: Readonly<Record<string, number>>): Promise<void>;
  /** Gives each rule the weights that it had. */
  restore(service: string, before: readonly RuleSplit[]): Promise<void>;
}

export function movesThrough(ask: AskMesh): Moves {
  return {
    deploy: async (version) => (await ask("deploy", version)).instances,
    async undeploy(service, version) {
      const { deployments } = await ask("deployments", { service });
      if (deployments.some((deployed) => deployed.version === version)) await ask("undeploy", { service, version });
    },
    async weigh(service, weights) {
      const words = Object.entries(weights).map(([version, weight]) => `${version}=${weight}`);
      await ask("split", { service, weights: words });
    },
    async restore(service, splits) {
      await ask("restoreSplits", { service, splits });
    },
  };
}
