import { parseWeights, splitOf, withSplit } from "@row/mesh/policy/traffic-split.ts";
import { kindNamed } from "@row/mesh/resources/kind-names.ts";
import { InvalidResources } from "@row/mesh/resources/problem.ts";
import { readResources } from "@row/mesh/resources/read.ts";
import type { Resource } from "@row/mesh/resources/resource.ts";
import { RowError } from "@row/topology/row-error.ts";
import { isCallable } from "@row/topology/service-manifest.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";
import type { Mesh } from "./mesh.ts";
import type { Reconciler } from "./reconciler.ts";
import type { ChangeReport, MeshControl } from "./requests.ts";
import type { Changes } from "./resource-store.ts";
import { behave, deploy, deploymentsOf, meshedService, scale, undeploy, versions } from "./rollout.ts";

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
    apply: ({ documents }) =>
      inTurn(async () => {
        const read = documents.map(({ file, text }) => readResources(text, file));
        const problems = read.flatMap((result) => result.problems);
        if (problems.length > 0) throw new InvalidResources(problems);
        const put = read.flatMap(({ resources }) => resources);
        if (put.length === 0) throw new RowError("Cannot apply: there is no resource in it");
        return { outcomes: await change(traffic, { put }) };
      }),
    delete: ({ targets }) =>
      inTurn(async () => {
        const gone = targets.map(({ kind, name }) => named(traffic, kind, name));
        return { outcomes: await change(traffic, { delete: gone }) };
      }),
    split: ({ service, weights: words }) =>
      inTurn(async () => {
        meshedService(mesh, service);
        const weights = parseWeights(words);
        const known = deploymentsOf(mesh, service);
        for (const version of weights.keys()) {
          if (known.some((deployment) => deployment.version === version)) continue;
          throw new RowError(
            `Cannot send calls to ${service} ${version}: it is not deployed, there are ${versions(known)}. Deploy it with \`row deploy ${service} --version ${version}\``,
          );
        }
        if (weights.size > 0) {
          await change(traffic, { put: withSplit(traffic.store.resources, service, weights) });
        }
        const splits = splitOf(traffic.store.resources, service);
        return { splits: splits.filter(({ isPinned }) => !isPinned), left: splits.filter(({ isPinned }) => isPinned) };
      }),
    deploy: (request) => inTurn(() => deploy(mesh, infrastructure(), request)),
    scale: (request) => inTurn(() => scale(mesh, infrastructure(), request)),
    undeploy: (request) => inTurn(() => undeploy(mesh, infrastructure(), request)),
    behave: (request) => inTurn(async () => ({ injected: behave(mesh, request) })),
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
    deploy: refuse,
    scale: refuse,
    undeploy: refuse,
    behave: refuse,
    injected: async () => ({ injected: [] }),
  };
}

async function change(traffic: Reconciler, changes: Changes): Promise<ChangeReport[]> {
  const plan = traffic.store.plan(changes);
  await traffic.apply(plan);
  return plan.outcomes.map(({ resource, outcome }) => ({
    resource: `${resource.kind.toLowerCase()}/${resource.metadata.name}`,
    outcome,
  }));
}

function named(traffic: Reconciler, word: string, name: string): Resource {
  const kind = kindNamed(word);
  const found = traffic.store.find(kind, name);
  if (!found) throw new RowError(`Cannot delete ${kind.toLowerCase()}/${name}: there is none of this name`);
  return found;
}
