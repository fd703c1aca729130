import type { MethodContract } from "@row/runtime/contract.ts";
import { isCallable, isMeshed, type ServiceManifest } from "@row/topology/service-manifest.ts";
import type { KubernetesObject } from "./kubernetes-object.ts";
import { manifestText } from "./manifest-text.ts";
import { policyObjects, toolboxPolicy } from "./policy.ts";
import { routeObjects } from "./routes.ts";
import { serviceObjects } from "./services.ts";
import { storePolicies } from "./store-policy.ts";

/** What the generated files follow from. */
export interface MeshSources {
  readonly services: readonly ServiceManifest[];
  /** In the order of the contracts. */
  readonly methods: readonly MethodContract[];
  /** Whether the contracts hold events of this service. */
  readonly publishes: (service: string) => boolean;
}

/** The first words of every generated file, by which one that is no longer wanted is known. */
export const GENERATED = "# Generated from";

/** The text of every generated file by its path from the repository's root, "mesh/policy/catalog.yaml". */
export function meshFiles({ services, methods, publishes }: MeshSources): Map<string, string> {
  const objects = new Map<string, KubernetesObject[]>();
  for (const service of services) {
    const { name } = service;
    const own = methods.filter(({ service }) => service === name);
    objects.set(`policy/${name}`, policyObjects(service, own, services));
    if (!isMeshed(service)) continue;
    objects.set(`services/${name}`, serviceObjects(service));
    if (isCallable(service)) objects.set(`routes/${name}`, routeObjects(name, own));
  }
  objects.set("policy/toolbox", toolboxPolicy());
  for (const [store, policy] of storePolicies(services, publishes)) objects.set(`policy/${store}`, policy);
  refuseNamesakes([...objects.values()].flat());
  return new Map([...objects].sort().map(([path, list]) => [`mesh/${path}.yaml`, fileText(list)]));
}

// Whichever is applied last would replace the other.
function refuseNamesakes(objects: readonly KubernetesObject[]): void {
  const seen = new Set<string>();
  for (const { kind, metadata } of objects) {
    const name = `${kind} ${metadata.name}`;
    if (seen.has(name)) throw new Error(`Cannot write ${name} twice: rename one of the services that it follows from`);
    seen.add(name);
  }
}

/** By which k8s/apply-mesh.sh knows what was generated once and is not any more. */
function generated({ metadata, ...object }: KubernetesObject): KubernetesObject {
  const labels = { ...metadata.labels, "app.kubernetes.io/managed-by": "row-generate" };
  const { apiVersion, kind, ...rest } = object;
  return { apiVersion, kind, metadata: { ...metadata, labels }, ...rest };
}

function fileText(objects: readonly KubernetesObject[]): string {
  const heading = `${GENERATED} the contracts and every service.yaml by \`npm run generate\`; change those instead`;
  return manifestText(heading, objects.map(generated));
}
