/** What there is of a service before something moves its versions. */
import type { Standing } from "@row/mesh/experiments/run/run-plan.ts";
import type { AskMesh } from "./requests.ts";

/** Asked once everything that was begun is done. */
export async function standingOf(ask: AskMesh, service: string): Promise<Standing> {
  const { deployments } = await ask("deployments", { service });
  const { splits, left } = await ask("split", { service, weights: [] });
  const { injected } = await ask("injected", {});
  const own = injected.filter((one) => one.service === service);
  const behaviours = Object.fromEntries(own.map((one) => [one.version, one.behaviours]));
  return { deployments, splits, pinned: left, behaviours };
}
