import { parseWeights, splitOf, withSplit, withSplits } from "@row/mesh/policy/traffic-split.ts";
import { kindNamed } from "@row/mesh/resources/kind-names.ts";
import { InvalidResources } from "@row/mesh/resources/problem.ts";
import { readResources } from "@row/mesh/resources/read.ts";
import { nameOf, type Resource } from "@row/mesh/resources/resource.ts";
import { writeResource } from "@row/mesh/resources/write.ts";
import { RowError } from "@row/topology/row-error.ts";
import { isCallable } from "@row/topology/service-manifest.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";
import { behave } from "./behave.ts";
import { deploy } from "./deploy.ts";
import { deploymentsOf, meshedService, versions } from "./deployed.ts";
import type { Mesh } from "./mesh.ts";
import { partition } from "./partition.ts";
import type { AnswerOf, ChangeReport, MeshControl } from "./requests.ts";
import type { Changes, ResourceStore } from "./resource-store.ts";
import { scale } from "./scale.ts";
import { inSteps } from "./steps.ts";
import { undeploy } from "./undeploy.ts";

/** What can be asked of a mesh from another terminal. Whatever changes something waits for what is changed already. */
export function meshControl(mesh: Mesh, infrastructure: () => Infrastructure): MeshControl {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <Answer>(change: () => Promise<Answer>): Promise<Answer> => {
    const done = last.then(change);
    last = done.catch(() => {});
    return done;
  };
  const { reconciler: traffic } = mesh;
  const services = mesh.host.services.filter(isCallable).map(({ name }) => name);
  const about = { on: true, toolbox: `127.0.0.1:${mesh.ports.anyService}`, services };
  return {
    about: async () => about,
    resources: async () => ({ resources: [...traffic.store.resources] }),
    apply: ({ documents, isDryRun }, signal) =>
      inTurn(async () => {
        const read = documents.map(({ file, text }) => readResources(text, file));
        const problems = read.flatMap((result) => result.problems);
        if (problems.length > 0) throw new InvalidResources(problems);
        const put = read.flatMap(({ resources }) => resources);
        if (put.length === 0) throw new RowError("Cannot apply: there is no resource in it");
        return { outcomes: await change(mesh, { put }, isDryRun, signal) };
      }),
    delete: ({ targets, isDryRun }, signal) =>
      inTurn(async () => {
        const gone = targets.map(({ kind, name }) => named(traffic.store, kind, name));
        return { outcomes: await change(mesh, { delete: gone }, isDryRun, signal) };
      }),
    split: ({ service, weights: words, isDryRun }, signal) =>
      inTurn(async () => {
        meshedService(mesh, service);
        const weights = parseWeights(words);
        const known = deploymentsOf(mesh, service);
        for (const version of weights.keys()) {
          if (known.some((deployment) => deployment.version === version)) continue;
          throw new RowError(
            `Cannot send calls to ${service} ${version}: it is not deployed, there are ${versions(known)}. Deploy it with \`npx row deploy ${service} --version ${version}\``,
          );
        }
        const put = weights.size > 0 ? withSplit(traffic.store.resources, service, weights) : [];
        return reweigh(mesh, service, put, isDryRun, signal);
      }),
    restoreSplits: ({ service, splits, isDryRun }, signal) =>
      inTurn(async () => {
        meshedService(mesh, service);
        return reweigh(mesh, service, withSplits(traffic.store.resources, service, splits), isDryRun, signal);
      }),
    deployments: ({ service }) =>
      inTurn(async () => {
        meshedService(mesh, service);
        return { deployments: deploymentsOf(mesh, service) };
      }),
    deploy: (request, signal = AWAITED) => inTurn(() => deploy(mesh, infrastructure(), request, signal)),
    scale: (request, signal = AWAITED) => inTurn(() => scale(mesh, infrastructure(), request, signal)),
    undeploy: (request, signal = AWAITED) => inTurn(() => undeploy(mesh, infrastructure(), request, signal)),
    behave: (request) => inTurn(async () => ({ injected: behave(mesh, request) })),
    partition: (request) => inTurn(async () => ({ partitions: await partition(mesh, request) })),
    injected: async () => ({ injected: mesh.behaviours.all() }),
  };
}

const OFF = "This shop runs without the mesh: start it again without --no-mesh";

/** The same for a shop that has none. */
export function noMeshControl(): MeshControl {
  const refuse = async () => {
    throw new RowError(OFF);
  };
  return {
    about: async () => ({ on: false, services: [] }),
    resources: refuse,
    apply: refuse,
    delete: refuse,
    split: refuse,
    restoreSplits: refuse,
    deployments: refuse,
    deploy: refuse,
    scale: refuse,
    undeploy: refuse,
    behave: refuse,
    partition: refuse,
    injected: async () => ({ injected: [] }),
  };
}

/** Of a request that somebody waits for to its end. */
const AWAITED = new AbortController().signal;

/**
 * Resolves when every sidecar follows. When one does not, all of them go back to what was before. A dry run is refused as the change
 * would be, and shows each manifest before and after.
 */
async function change(
  { reconciler, host }: Mesh,
  changes: Changes,
  isDryRun = false,
  signal = AWAITED,
): Promise<ChangeReport[]> {
  const { current } = reconciler.store;
  const before = reconciler.store.resources;
  const plan = reconciler.store.plan(changes);
  if (isDryRun) await reconciler.tryOut(plan);
  else {
    await inSteps({ signal, report: host.report }, (step) =>
      step(
        () => reconciler.apply(plan),
        () => reconciler.apply(current),
      ),
    );
  }
  return plan.outcomes.map(({ resource, outcome }) => ({
    resource: `${resource.kind.toLowerCase()}/${resource.metadata.name}`,
    outcome,
    ...(isDryRun && { before: manifestOf(before, resource), after: manifestOf(plan.resources, resource) }),
  }));
}

/** How calls to a service are shared once these routes are as given, or would be. */
async function reweigh(
  mesh: Mesh,
  service: string,
  put: Resource[],
  isDryRun = false,
  signal = AWAITED,
): Promise<AnswerOf<"split">> {
  const { resources } = mesh.reconciler.store.plan({ put });
  if (put.length > 0) await change(mesh, { put }, isDryRun, signal);
  const splits = splitOf(resources, service);
  return { splits: splits.filter(({ isPinned }) => !isPinned), left: splits.filter(({ isPinned }) => isPinned) };
}

/** Empty where there is none of this kind and name. */
function manifestOf(resources: readonly Resource[], wanted: Resource): string {
  const found = resources.find((resource) => nameOf(resource) === nameOf(wanted));
  return found ? writeResource(found) : "";
}

function named(store: ResourceStore, word: string, name: string): Resource {
  const kind = kindNamed(word);
  const found = store.find(kind, name);
  if (!found) throw new RowError(`Cannot delete ${kind.toLowerCase()}/${name}: there is none of this name`);
  return found;
}
