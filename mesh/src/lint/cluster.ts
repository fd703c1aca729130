/** Manifests as the rules look at them: by kind, with what refers to what. Nothing is required to be there or to be right. */
import type { Manifest } from "../resources/manifest.ts";
import type { Contracts } from "./contracts.ts";
import { type Route, routeOf } from "./route.ts";
import { Value } from "./value.ts";
import { type Workload, workloadOf } from "./workload.ts";

export interface KubeObject {
  readonly kind: string;
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly name: string;
  /** Absent when the file leaves it to kubectl or kustomize. */
  readonly namespace: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly root: Value;
  readonly spec: Value;
}

export class Cluster {
  readonly objects: readonly KubeObject[];
  /** GRPCRoutes and HTTPRoutes, of either group. */
  readonly routes: readonly Route[];
  /** Whatever makes pods. */
  readonly workloads: readonly Workload[];
  readonly contracts: Contracts | undefined;

  constructor(manifests: readonly Manifest[], contracts?: Contracts) {
    this.objects = manifests.map(objectOf);
    this.routes = this.objects.flatMap((object) => routeOf(object) ?? []);
    this.workloads = this.objects.flatMap((object) => workloadOf(object) ?? []);
    this.contracts = contracts;
  }

  ofKind(...kinds: string[]): KubeObject[] {
    return this.objects.filter(({ kind }) => kinds.includes(kind));
  }

  find(kind: string, name: string | undefined, namespace: string | undefined): KubeObject | undefined {
    return this.ofKind(kind).find((object) => object.name === name && mayBeSame(object.namespace, namespace));
  }

  /** Whether something of the kind is at hand for the namespace, so that what is missing among them is missing indeed. */
  knows(kind: string, namespace: string | undefined): boolean {
    return this.ofKind(kind).some((object) => mayBeSame(object.namespace, namespace));
  }

  service(name: string | undefined, namespace: string | undefined): KubeObject | undefined {
    return this.ofKind("Service").find(
      (object) => object.group === "" && object.name === name && mayBeSame(object.namespace, namespace),
    );
  }

  /** Routes that hang on a Service, or on a Server. */
  routesOn(parentKind: "Service" | "Server", object: KubeObject): Route[] {
    return this.routes.filter((route) =>
      route.parents.some(
        ({ kind, name, namespace }) =>
          kind === parentKind && name === object.name && mayBeSame(namespace, object.namespace),
      ),
    );
  }
}

/** Whether two namespaces may be one: a file that does not say gets whichever kubectl is told. */
export function mayBeSame(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

function objectOf(manifest: Manifest): KubeObject {
  const root = new Value(manifest, [], manifest.value);
  const [version = "", group = ""] = manifest.apiVersion.split("/").reverse();
  return {
    kind: manifest.kind,
    group,
    version,
    name: root.at("metadata", "name").text ?? "",
    namespace: root.at("metadata", "namespace").text,
    labels: root.at("metadata", "labels").texts,
    annotations: root.at("metadata", "annotations").texts,
    root,
    spec: root.at("spec"),
  };
}

/** The place of an annotation. */
export function annotationOf(object: KubeObject, name: string): Value {
  return object.root.at("metadata", "annotations", name);
}
