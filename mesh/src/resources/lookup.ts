/** Finding resources among others. */
import { NAMESPACE } from "@row/runtime/names.ts";
import type { Kind, Resource } from "./resource.ts";

type OfKind<K extends Kind> = Extract<Resource, { kind: K }>;

/** All resources of a kind. */
export function ofKind<K extends Kind>(resources: readonly Resource[], kind: K): OfKind<K>[] {
  return resources.filter((resource): resource is OfKind<K> => resource.kind === kind);
}

/** The resource of a kind and a name; in the shop's namespace unless another one is given. */
export function named<K extends Kind>(
  resources: readonly Resource[],
  kind: K,
  name: string,
  namespace = NAMESPACE,
): OfKind<K> | undefined {
  return ofKind(resources, kind).find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
}
