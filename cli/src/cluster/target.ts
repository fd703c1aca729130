/** The shop of a cluster as a target. What it does is loaded when it is asked. */
import type { Kind } from "@row/mesh/resources/resource.ts";
import type { Target } from "../target.ts";
import type { Kubectl } from "./kubectl.ts";

/** The shop in the cluster that kubectl points to. */
export function clusterTarget(kubectl: Kubectl, root: string): Target {
  const resources = async (kinds?: readonly Kind[]) => (await import("./resources.ts")).readCluster(kubectl, kinds);
  return {
    resources,
    split: async (service, weights, isDryRun) =>
      (await import("./split.ts")).split(kubectl, service, weights, isDryRun),
    restoreSplits: async (service, splits, isDryRun) =>
      (await import("./split.ts")).restoreSplits(kubectl, service, splits, isDryRun),
    stat: async (query) => (await import("./stat.ts")).openStat(kubectl, query),
    authz: () => resources(),
    connect: async () => (await import("./connection.ts")).connect(kubectl, root),
    check: async () => (await import("./check.ts")).checkCluster(kubectl),
    restart: async (name) => (await import("./restart.ts")).restart(kubectl, name),
  };
}
