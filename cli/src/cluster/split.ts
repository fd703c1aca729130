/** Splits in a cluster: all routes of a service, or none. */
import { parseWeights, type RuleSplit, splitOf, withSplit, withSplits } from "@row/mesh/policy/traffic-split.ts";
import type { Resource } from "@row/mesh/resources/resource.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import type { Split } from "../target.ts";
import { type Kubectl, KubectlFailed } from "./kubectl.ts";
import { type LiveRoute, ROUTES, readLive, readRoute } from "./live-routes.ts";
import { isReady, readPods, versionOf } from "./pods.ts";
import { type PatchStep, type Reweigh, splitPatch, undoPatch } from "./route-patch.ts";

const MOST_ATTEMPTS = 5;

/** Shares the calls to a service among its versions in a cluster; no weights only tell how they are shared, a dry run how they would be. */
export async function split(kubectl: Kubectl, service: string, words: string[], isDryRun: boolean): Promise<Split> {
  const weights = parseWeights(words);
  const tried =
    weights.size > 0
      ? await change(kubectl, service, usedIn([...weights]), isDryRun, (all) => withSplit(all, service, weights))
      : undefined;
  return splitsOf(kubectl, service, tried);
}

/** Gives every rule the weights that `split` told earlier, or tells in a dry run what that would be. */
export async function restoreSplits(
  kubectl: Kubectl,
  service: string,
  splits: readonly RuleSplit[],
  isDryRun: boolean,
): Promise<Split> {
  const used = usedIn(
    splits.flatMap((split) => split.weights.map(({ version, weight }) => [version, weight] as const)),
  );
  const tried = await change(kubectl, service, used, isDryRun, (all) => withSplits(all, service, splits));
  return splitsOf(kubectl, service, tried);
}

function usedIn(weights: readonly (readonly [version: string, weight: number])[]): Set<string> {
  return new Set(weights.filter(([, weight]) => weight > 0).map(([version]) => version));
}

async function splitsOf(kubectl: Kubectl, service: string, tried?: readonly Resource[]): Promise<Split> {
  const splits = splitOf(tried ?? (await readLive(kubectl)).resources, service);
  return { splits: splits.filter(({ isPinned }) => !isPinned), left: splits.filter(({ isPinned }) => isPinned) };
}

/**
 * Changes every route of the service that is to change, or leaves each as it was. Answers what the cluster would have after a dry
 * run, which has asked whatever would be refused.
 * @param used the versions that get calls then
 */
async function change(
  kubectl: Kubectl,
  service: string,
  used: ReadonlySet<string>,
  isDryRun: boolean,
  reweigh: Reweigh,
): Promise<Resource[] | undefined> {
  const { routes, resources } = await readLive(kubectl);
  const changed = reweigh(resources);
  const names = new Set(changed.map(({ metadata }) => metadata.name));
  await checkReady(kubectl, service, used);
  const wanted = routes.filter(({ metadata }) => names.has(metadata.name));
  const patch = (route: LiveRoute) => splitPatch(route, resources, reweigh);
  // A cluster changes one object at a time: whatever would be refused is asked first.
  for (const route of wanted) await apply(kubectl, route, patch, "--dry-run=server");
  if (isDryRun) {
    return [...resources.filter(({ kind, metadata }) => kind !== "GRPCRoute" || !names.has(metadata.name)), ...changed];
  }
  const done: LiveRoute[] = [];
  try {
    for (const route of wanted) done.push(await apply(kubectl, route, patch));
  } catch (error) {
    const left = await undo(kubectl, done);
    const state =
      left.length > 0 ? `${left.join(", ")} already changed and could not be changed back` : "every route is as it was";
    throw new RowError(`Cannot split ${service}: ${messageOf(error)}. Of ${wanted.length} routes ${state}`);
  }
  return undefined;
}

/** Patches a route, again from what it has become when somebody else was faster. Answers what it was just before. */
async function apply(
  kubectl: Kubectl,
  read: LiveRoute,
  patch: (route: LiveRoute) => PatchStep[],
  ...options: string[]
): Promise<LiveRoute> {
  let route = read;
  for (let attempt = 1; ; attempt++) {
    const { name } = route.metadata;
    try {
      await kubectl.run("patch", ROUTES, name, "--type=json", `--patch=${JSON.stringify(patch(route))}`, ...options);
      return route;
    } catch (error) {
      if (!(error instanceof KubectlFailed) || !error.isConflict || attempt === MOST_ATTEMPTS) throw error;
      route = await readRoute(kubectl, name);
    }
  }
}

/** Takes routes back to what they were. Answers the names of those that could not be. */
async function undo(kubectl: Kubectl, routes: readonly LiveRoute[]): Promise<string[]> {
  const left: string[] = [];
  for (const before of routes) {
    try {
      const now = await readRoute(kubectl, before.metadata.name);
      await apply(kubectl, now, (route) => undoPatch(route, before));
    } catch {
      left.push(before.metadata.name);
    }
  }
  return left;
}

/** Refuses weights for a version of which nothing runs: its share would wait for seconds, and go to the others or fail. */
async function checkReady(kubectl: Kubectl, service: string, used: ReadonlySet<string>): Promise<void> {
  const selector = `--selector=app.kubernetes.io/name=${service}`;
  const ready = new Set((await readPods(kubectl, selector)).filter(isReady).map(versionOf));
  for (const version of used) {
    if (ready.has(version)) continue;
    throw new RowError(
      `Cannot send calls to ${service} ${version}: no instance of it is ready, of ${[...ready].join(", ") || "no version"} there are. Start it with \`tilt trigger ${service}-${version}\``,
    );
  }
}
