/** Runs another version of a service beside those that run. */
import { hasVersion } from "@row/mesh/policy/traffic-split.ts";
import { named as findNamed } from "@row/mesh/resources/lookup.ts";
import type { Resource, Service } from "@row/mesh/resources/resource.ts";
import { FIRST_VERSION, VERSION_LABEL } from "@row/runtime/names.ts";
import { RowError } from "@row/topology/row-error.ts";
import type { ServiceManifest } from "@row/topology/service-manifest.ts";
import { migrateService } from "../provision/provision.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";
import { checkBehaviours } from "./behaviours.ts";
import { prepareCheckout } from "./checkout.ts";
import { provideEvents } from "./checkout-events.ts";
import { deploymentsOf, meshedService, named, serviceIn } from "./deployed.ts";
import type { Deployment } from "./deployments.ts";
import type { Mesh } from "./mesh.ts";
import type { AnswerOf, RequestOf } from "./requests.ts";
import { end, leaveCheckout } from "./retire.ts";
import { inSteps, orAborted } from "./steps.ts";
import { checkVersionName } from "./version-name.ts";

/** Of the shop's own code or of another checkout of it. When it fails, all is as it was but for migrations, which old code can live with. */
export async function deploy(
  mesh: Mesh,
  infrastructure: Infrastructure,
  { service: name, version, replicas, from: asked, behaviours = [] }: RequestOf<"deploy">,
  signal: AbortSignal,
): Promise<AnswerOf<"deploy">> {
  const service = meshedService(mesh, name);
  if (!version) throw new RowError(`Cannot deploy ${name}: say how it is called with --version v2`);
  checkVersionName(version);
  if (deploymentsOf(mesh, name).some((other) => other.version === version)) {
    throw new RowError(
      `Cannot deploy ${name} ${version}: it is deployed already. Scale it with \`npx row scale ${name} --version ${version} --replicas N\`, or end it first with \`npx row undeploy ${name} --version ${version}\``,
    );
  }
  const { reconciler, deployments, host, factory } = mesh;
  const before = reconciler.store.current;
  return inSteps({ signal, report: host.report }, async (step) => {
    const from = await step(() => codeOf(mesh, asked, `${name}-${version}`));
    const deployment: Deployment = { service: name, version, replicas, ...(from && { from, asked }) };
    const code = await step(
      () => (from === undefined ? undefined : serviceIn(from, name)),
      () => (from === undefined ? undefined : leaveCheckout(mesh, from)),
    );
    checkBehaviours(code ?? service, behaviours);
    // Before its first instance starts, so that it starts like that.
    await step(
      () => behaviours.length > 0 && mesh.behaviours.set(name, version, behaviours, {}),
      () => mesh.behaviours.clear(name, version),
    );
    // Before anything changes: it refuses what cannot run here.
    const added = await step(
      () => factory.create(deployment),
      () => end(mesh, infrastructure, mesh.instances.of(name, version)),
    );
    if (code && from) await step(() => migrateService(infrastructure, code, from));
    await step(() => provideEvents(infrastructure, mesh.instances));
    // Somebody may have applied it already.
    const put = hasVersion(before.resources, name, version) ? [] : [versionService(before.resources, service, version)];
    await step(
      () => reconciler.apply(reconciler.store.plan({ put })),
      () => reconciler.apply(before),
    );
    await step(() => orAborted(mesh.start(added), signal));
    await step(
      () => deployments.set(deployment),
      () => deployments.delete(name, version),
    );
    return { ...named(mesh, name, version), ...(from && { checkout: from }) };
  });
}

async function codeOf(mesh: Mesh, asked: string | undefined, name: string): Promise<string | undefined> {
  return asked === undefined ? undefined : prepareCheckout(mesh.host.installation, asked, name);
}

/** What routes send the version's calls to: like that of the first version. */
function versionService(resources: readonly Resource[], { name }: ServiceManifest, version: string): Service {
  const first = findNamed(resources, "Service", `${name}-${FIRST_VERSION}`);
  if (!first) throw new RowError(`Cannot deploy ${name}: the Service ${name}-${FIRST_VERSION} is gone, apply it again`);
  const { creationTimestamp: _, ...metadata } = first.metadata;
  return {
    ...first,
    metadata: { ...metadata, name: `${name}-${version}` },
    spec: { ...first.spec, selector: { ...first.spec.selector, [VERSION_LABEL]: version } },
    source: { file: sourceOf(name, version), line: 1 },
  };
}

/** What a Service that came with its version says of where it was written. */
export function sourceOf(service: string, version: string): string {
  return `row deploy ${service} --version ${version}`;
}
