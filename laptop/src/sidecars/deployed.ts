/** Which versions of which services are deployed. */
import { RowError } from "@row/topology/row-error.ts";
import { discoverServices, isCallable, type ServiceManifest } from "@row/topology/service-manifest.ts";
import type { Deployment } from "./deployments.ts";
import type { RunningInstance } from "./instances.ts";
import type { Mesh } from "./mesh.ts";
import type { Versions } from "./requests.ts";

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

export function deploymentOf(known: readonly Deployment[], service: string, version: string): Deployment {
  const found = known.find((one) => one.version === version);
  if (found) return found;
  throw new RowError(`${service} ${version || "of no version"} is not deployed: there are ${versions(known)}`);
}

export function versions(deployments: readonly Deployment[]): string {
  return deployments.map(({ version }) => version).join(", ");
}

/** A service as the code of a checkout has it. */
export function serviceIn(checkout: string, name: string): ServiceManifest {
  const found = discoverServices(checkout).find((service) => service.name === name);
  if (!found) throw new RowError(`Cannot deploy ${name} from ${checkout}: it has no services/${name}/service.yaml`);
  return found;
}

/** The version's instances by name, of all or of some. */
export function named(
  mesh: Mesh,
  service: string,
  version: string,
  members: readonly RunningInstance[] = mesh.instances.of(service, version),
): Versions {
  return { service, version, instances: members.map(({ instance }) => instance.workload.instance) };
}
