/** Restarts a workload of a cluster as a new revision: pod by pod, each once the last one is ready. */
import { RowError } from "@row/topology/row-error.ts";
import type { Kubectl } from "./kubectl.ts";

const PATIENCE = "120s";

/** Every version of a service, or a store. */
export async function restart(kubectl: Kubectl, name: string): Promise<string[]> {
  const selector = `--selector=app.kubernetes.io/name=${name}`;
  const found = (await kubectl.run("get", "deployments,statefulsets", selector, "-o", "name")).split("\n");
  const workloads = found.filter(Boolean);
  if (workloads.length === 0) {
    throw new RowError(
      `Cannot restart ${name}: no Deployment or StatefulSet has its name; \`kubectl -n ${kubectl.namespace} get deployments,statefulsets\` lists them`,
    );
  }
  for (const workload of workloads) {
    await kubectl.run("rollout", "restart", workload);
    await kubectl.run("rollout", "status", workload, `--timeout=${PATIENCE}`);
  }
  return workloads;
}
