import { hasVersion, splitOf, versionsInUse, withoutVersion } from "@row/mesh/policy/traffic-split.ts";
import { named } from "@row/mesh/resources/lookup.ts";
import type { Resource, Service } from "@row/mesh/resources/resource.ts";
import { FIRST_VERSION } from "@row/runtime/names.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";
import { discoverServices, isCallable, type ServiceManifest } from "@row/topology/service-manifest.ts";
import { migrateService } from "../provision/provision.ts";
import type { Infrastructure } from "../stores/infrastructure.ts";
import { checkBehaviours, type InjectedVersion } from "./behaviours.ts";
import { prepareCheckout, removeCheckout } from "./checkout.ts";
import { provideEvents } from "./checkout-events.ts";
import type { Deployment } from "./deployments.ts";
import type { RunningInstance } from "./instances.ts";
import type { Mesh } from "./mesh.ts";
import type { AnswerOf, RequestOf, Versions } from "./requests.ts";
import { checkVersionName } from "./version-name.ts";

/** Runs another version of a service, of the shop's own code or of another checkout of it. */
export async function deploy(
  mesh: Mesh,
  infrastructure: Infrastructure,
  { service: name, version, replicas, from: asked, behaviours = [] }: RequestOf<"deploy">,
): Promise<Versions & { checkout?: string }> {
  const { reconciler: traffic } = mesh;
  const service = meshedService(mesh, name);
  if (!version) throw new RowError(`Cannot deploy ${name}: say how it is called with --version v2`);
  checkVersionName(version);
  if (deploymentsOf(mesh, name).some((other) => other.version === version)) {
    throw new RowError(
      `Cannot deploy ${name} ${version}: it is deployed already. Scale it with \`row scale ${name} --version ${version} --replicas N\`, or end it first with \`row undeploy ${name} --version ${version}\``,
    );
  }
  const from =
    asked === undefined ? undefined : await prepareCheckout(mesh.host.installation, asked, `${name}-${version}`);
  const deployment: Deployment = { service: name, version, replicas, ...(from && { from, asked }) };
  let added: RunningInstance[] = [];
  // Somebody may have applied it already.
  const hasService = hasVersion(traffic.store.resources, name, version);
  try {
    const code = from && serviceIn(from, name);
    checkBehaviours(code || service, behaviours);
    // Before its first instance starts, so that it starts like that.
    if (behaviours.length > 0) mesh.behaviours.set(name, version, behaviours, {});
    // Before anything changes: it refuses what cannot run here.
    added = await mesh.factory.create(deployment);
    if (code) await migrateService(infrastructure, code, from);
    await provideEvents(infrastructure, mesh.instances);
    const put = hasService ? [] : [versionService(traffic.store.resources, service, version)];
    await traffic.apply(traffic.store.plan({ put }));
    await mesh.start(added);
  } catch (error) {
    if (added.length > 0) await end(mesh, infrastructure, added).catch(() => {});
    mesh.behaviours.clear(name, version);
    const created = traffic.store.find("Service", `${name}-${version}`);
    if (created && !hasService) await traffic.apply(traffic.store.plan({ delete: [created] })).catch(() => {});
    if (from) await leaveCheckout(mesh, from);
    throw error;
  }
  mesh.deployments.set(deployment);
  return { ...instancesOf(mesh, name, version), ...(from && { checkout: from }) };
}

/** Runs more instances of a version, or drains and ends some. */
export async function scale(
  mesh: Mesh,
  infrastructure: Infrastructure,
  request: RequestOf<"scale">,
): Promise<AnswerOf<"scale">> {
  const { service: name, replicas } = request;
  meshedService(mesh, name);
  const known = deploymentsOf(mesh, name);
  const version = request.version ?? (known.length === 1 ? known[0]?.version : undefined);
  if (version === undefined) {
    throw new RowError(`Cannot scale ${name}: say which with --version, there are ${versions(known)}`);
  }
  const deployment = { ...deploymentOf(known, name, version), replicas };
  const surplus = mesh.instances.of(name, version).slice(replicas);
  const added = await mesh.factory.create(deployment);
  try {
    await provideEvents(infrastructure, mesh.instances);
    await mesh.reconciler.apply();
    await mesh.start(added);
  } catch (error) {
    await end(mesh, infrastructure, added).catch(() => {});
    throw error;
  }
  await takeAway(mesh, infrastructure, surplus);
  mesh.deployments.set(deployment);
  const warning = nobodyAnswers(mesh, name);
  return { ...instancesOf(mesh, name, version), ...(warning && { warning }) };
}

/** What to say when no version that gets calls has an instance. */
function nobodyAnswers(mesh: Mesh, service: string): string | undefined {
  const used = versionsInUse(mesh.reconciler.store.resources, service);
  if (used.some((version) => mesh.instances.of(service, version).length > 0)) return undefined;
  return `Nobody answers calls to ${service} now: no instance of ${used.join(", ")}, which get all of them, is left`;
}

/** Drains and ends a version that gets no calls any more. */
export async function undeploy(
  mesh: Mesh,
  infrastructure: Infrastructure,
  { service: name, version }: RequestOf<"undeploy">,
): Promise<Versions> {
  meshedService(mesh, name);
  const known = deploymentsOf(mesh, name);
  const deployment = deploymentOf(known, name, version);
  if (version === FIRST_VERSION) {
    throw new RowError(
      `Cannot undeploy ${name} ${version}: it is the shop's own code. Run none of it with \`row scale ${name} --version ${version} --replicas 0\``,
    );
  }
  const { reconciler: traffic } = mesh;
  const { resources } = traffic.store;
  if (versionsInUse(resources, name).includes(version)) {
    const other = known.find((one) => one.version !== version)?.version ?? FIRST_VERSION;
    const pinned = splitOf(resources, name).find(
      ({ isPinned, weights }) => isPinned && weights.some((weight) => weight.version === version),
    );
    throw new RowError(
      pinned
        ? `Cannot undeploy ${name} ${version}: GRPCRoute ${pinned.route} sends it marked calls. Delete or change that route first`
        : `Cannot undeploy ${name} ${version}: it still gets calls. Take them away first with \`row split ${name} ${other}=100 ${version}=0\``,
    );
  }
  const gone = mesh.instances.of(name, version);
  const service = traffic.store.find("Service", `${name}-${version}`);
  const routes = withoutVersion(resources, name, version);
  const isOurs = service?.source.file === sourceOf(name, version);
  await traffic.apply(traffic.store.plan({ put: routes, delete: service && isOurs ? [service] : [] }));
  await takeAway(mesh, infrastructure, gone);
  mesh.deployments.delete(name, version);
  mesh.behaviours.clear(name, version);
  if (deployment.from) await leaveCheckout(mesh, deployment.from);
  return { service: name, version, instances: gone.map(({ instance }) => instance.workload.instance) };
}

/** Has a version behave as asked from now on, or as its code is; answers what is injected into any. */
export function behave(mesh: Mesh, request: RequestOf<"behave">): InjectedVersion[] {
  const { service: name, version, behaviours, ...options } = request;
  const service = meshedService(mesh, name);
  const deployment = deploymentOf(deploymentsOf(mesh, name), name, version);
  checkBehaviours(deployment.from ? serviceIn(deployment.from, name) : service, behaviours);
  if (behaviours.length > 0) mesh.behaviours.set(name, version, behaviours, options);
  else mesh.behaviours.clear(name, version);
  return mesh.behaviours.all();
}

/** The deployments of a service, v1 first. */
export function deploymentsOf(mesh: Mesh, service: string): Deployment[] {
  return mesh.deployments.of([service]);
}

/** A service that calls through the mesh reach; others have no versions. */
export function meshedService(mesh: Mesh, name: string): ServiceManifest {
  const callable = mesh.host.services.filter(isCallable);
  const found = callable.find((service) => service.name === name);
  if (found) return found;
  const all = callable.map((service) => service.name).join(", ");
  if (mesh.host.services.some((service) => service.name === name))
    throw new RowError(
      `Cannot choose among versions of ${name}: it is called from outside the mesh and has one; there are ${all}`,
    );
  throw new RowError(`Unknown service ${name}: there are ${all}`);
}

function deploymentOf(known: Deployment[], service: string, version: string): Deployment {
  const found = known.find((one) => one.version === version);
  if (found) return found;
  throw new RowError(`${service} ${version || "of no version"} is not deployed: there are ${versions(known)}`);
}

export function versions(deployments: Deployment[]): string {
  return deployments.map(({ version }) => version).join(", ");
}

/** Another version may run the same folder. */
async function leaveCheckout(mesh: Mesh, folder: string): Promise<void> {
  const services = mesh.host.services.map(({ name }) => name);
  if (!mesh.deployments.of(services).some(({ from }) => from === folder)) mesh.host.programs.forget(folder);
  await removeCheckout(mesh.host.installation, folder);
}

async function takeAway(mesh: Mesh, infrastructure: Infrastructure, members: RunningInstance[]): Promise<void> {
  if (members.length === 0) return;
  await Promise.all(members.map((member) => mesh.drain(member)));
  await end(mesh, infrastructure, members);
}

async function end(mesh: Mesh, infrastructure: Infrastructure, members: RunningInstance[]): Promise<void> {
  await mesh.remove(members);
  // They are gone, whatever becomes of their rights: those are taken back with the next change at the latest.
  await provideEvents(infrastructure, mesh.instances).catch((error) =>
    mesh.host.report(`Rights to read events are not taken back yet: ${messageOf(error)}`),
  );
}

function instancesOf(mesh: Mesh, service: string, version: string): Versions {
  const instances = mesh.instances.of(service, version).map(({ instance }) => instance.workload.instance);
  return { service, version, instances };
}

function serviceIn(checkout: string, name: string): ServiceManifest {
  const found = discoverServices(checkout).find((service) => service.name === name);
  if (!found) throw new RowError(`Cannot deploy ${name} from ${checkout}: it has no services/${name}/service.yaml`);
  return found;
}

/** What routes send the version's calls to: like that of the first version. */
function versionService(resources: readonly Resource[], { name }: ServiceManifest, version: string): Service {
  const first = named(resources, "Service", `${name}-${FIRST_VERSION}`);
  if (!first) throw new RowError(`Cannot deploy ${name}: the Service ${name}-${FIRST_VERSION} is gone, apply it again`);
  const { creationTimestamp: _, ...metadata } = first.metadata;
  return {
    ...first,
    metadata: { ...metadata, name: `${name}-${version}` },
    spec: { ...first.spec, selector: { ...first.spec.selector, "app.kubernetes.io/version": version } },
    source: { file: sourceOf(name, version), line: 1 },
  };
}

function sourceOf(service: string, version: string): string {
  return `row deploy ${service} --version ${version}`;
}
