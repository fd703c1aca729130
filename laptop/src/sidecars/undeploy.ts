/** Ends a version, after its share of the calls. */
import { splitOf, withoutShare, withoutVersion } from "@row/mesh/policy/traffic-split.ts";
import { FIRST_VERSION } from "@row/runtime/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";
import { sourceOf } from "./deploy.ts";
import { deploymentOf, deploymentsOf, meshedService, named } from "./deployed.ts";
import type { Mesh } from "./mesh.ts";
import type { RequestOf, Versions } from "./requests.ts";
import { comeBack, drain, end, leaveCheckout } from "./retire.ts";
import { inSteps } from "./steps.ts";

/** Its share goes to the others first and every proxy follows, then it is drained, then it is stopped. */
export async function undeploy(
  mesh: Mesh,
  infrastructure: Infrastructure,
  { service: name, version }: RequestOf<"undeploy">,
  signal: AbortSignal,
): Promise<Versions> {
  meshedService(mesh, name);
  const deployment = deploymentOf(deploymentsOf(mesh, name), name, version);
  if (version === FIRST_VERSION) {
    throw new RowError(
      `Cannot undeploy ${name} ${version}: it is the shop's own code. Run none of it with \`npx row scale ${name} --version ${version} --replicas 0\``,
    );
  }
  const { reconciler, host } = mesh;
  const { store } = reconciler;
  const before = store.current;
  const pinned = splitOf(before.resources, name).find(
    ({ isPinned, weights }) => isPinned && weights.some((weight) => weight.version === version),
  );
  if (pinned) {
    throw new RowError(
      `Cannot undeploy ${name} ${version}: GRPCRoute ${pinned.route} sends it marked calls. Delete or change that route first`,
    );
  }
  const share = store.plan({ put: withoutShare(before.resources, name, version) });
  const gone = mesh.instances.of(name, version);
  await inSteps({ signal, report: host.report }, async (step) => {
    await step(
      () => reconciler.apply(share),
      () => reconciler.apply(before),
    );
    await step(
      () => drain(mesh, gone),
      () => comeBack(mesh, gone),
    );
    const service = store.find("Service", `${name}-${version}`);
    const isOurs = service?.source.file === sourceOf(name, version);
    const put = withoutVersion(store.resources, name, version);
    await step(
      () => reconciler.apply(store.plan({ put, delete: service && isOurs ? [service] : [] })),
      () => reconciler.apply(before),
    );
  });
  // What is drained is stopped, whoever waits for it: there is no way back from here.
  mesh.deployments.delete(name, version);
  mesh.behaviours.clear(name, version);
  await end(mesh, infrastructure, gone);
  if (deployment.from) await leaveCheckout(mesh, deployment.from);
  return named(mesh, name, version, gone);
}
