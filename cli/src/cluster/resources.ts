/** The mesh's resources of a cluster, in the form that a laptop's have. */
import { plural } from "@row/mesh/resources/kind-names.ts";
import { KINDS, readResources } from "@row/mesh/resources/read.ts";
import type { Kind, Resource } from "@row/mesh/resources/resource.ts";
import type { Kubectl } from "./kubectl.ts";

/** What a cluster has of the kinds that the mesh obeys. */
export interface ClusterResources {
  readonly resources: Resource[];
  /** Why something that the cluster has is not among them: it says what a laptop's mesh does not know. */
  readonly leftOut: string[];
}

/** Reads every resource of these kinds in the shop's namespace. */
export async function readCluster(kubectl: Kubectl, kinds: readonly Kind[] = allKinds()): Promise<ClusterResources> {
  const list: { items: LiveObject[] } = JSON.parse(
    await kubectl.run("get", kinds.map(fullName).join(","), "-o", "json"),
  );
  const read = list.items.filter(isOfTheMesh).map((item) => readResources(JSON.stringify(essence(item)), FROM));
  return {
    resources: read.flatMap(({ resources }) =>
      resources.map((resource) => ({ ...resource, source: { file: FROM, line: 0 } })),
    ),
    leftOut: read.flatMap(({ problems }) => problems.slice(0, 1).map(({ message }) => message)),
  };
}

const FROM = "the cluster";

function allKinds(): Kind[] {
  return Object.keys(KINDS) as Kind[]; // its keys, by its type
}

interface LiveObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec?: unknown;
}

/** A way in from outside of the cluster, such as a NodePort, is a Service that no call within the mesh goes to. */
function isOfTheMesh({ kind, spec }: LiveObject): boolean {
  const { type = "ClusterIP" } = Object(spec);
  return kind !== "Service" || type === "ClusterIP";
}

// What a cluster adds, such as owners and finalizers, says nothing to the mesh.
function essence({ apiVersion, kind, metadata, spec }: LiveObject): LiveObject {
  const { name, namespace, labels, annotations, creationTimestamp } = metadata;
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, labels, annotations, creationTimestamp },
    ...(spec !== undefined && { spec }),
  };
}

/** "grpcroutes.gateway.networking.k8s.io": other groups have kinds of the same name. */
function fullName(kind: Kind): string {
  const [group = "", version] = KINDS[kind].apiVersion.split("/");
  const name = plural(kind).toLowerCase();
  return version === undefined ? name : `${name}.${group}`;
}
