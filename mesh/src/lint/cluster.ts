/** Manifests as the rules look at them: by kind, with what refers to what. Nothing is required to be there or to be right. */

import type { Manifest } from "../resources/manifest.ts";
import type { Contracts } from "./contracts.ts";
import { isGateway } from "./gateway-parent.ts";
import { type KubeObject, mayBeSame } from "./kube-object.ts";
import { type RouteObject, routeOf } from "./route.ts";
import { Value } from "./value.ts";
import { type WorkloadObject, workloadOf } from "./workload.ts";

export class Cluster {
  readonly objects: readonly KubeObject[];
  /** GRPCRoutes and HTTPRoutes, of either group, that Linkerd serves. */
  readonly routes: readonly RouteObject[];
  /** Those that hang on Gateways only: some other controller serves them, by rules of its own. */
  readonly gatewayRoutes: readonly RouteObject[];
  /** Whatever makes pods. */
  readonly workloads: readonly WorkloadObject[];
  readonly contracts: Contracts | undefined;

  constructor(manifests: readonly Manifest[], contracts?: Contracts) {
    this.objects = manifests.map(objectOf);
    const routes = this.objects.flatMap((object) => routeOf(object) ?? []);
    const isOfGateways = (route: RouteObject) =>
      route.parents.length > 0 && route.parents.every((parent) => isGateway(this, route, parent));
    this.gatewayRoutes = routes.filter(isOfGateways);
    this.routes = routes.filter((route) => !this.gatewayRoutes.includes(route));
    this.workloads = this.objects.flatMap((object) => workloadOf(object) ?? []);
    this.contracts = contracts;
  }

  ofKind(...kinds: string[]): KubeObject[] {
    return this.objects.filter(({ kind }) => kinds.includes(kind));
  }

  /** Of the group, or of any. */
  find(
    kind: string,
    name: string | undefined,
    namespace: string | undefined,
    group?: string | undefined,
  ): KubeObject | undefined {
    return this.ofKind(kind).find(
      (object) =>
        object.name === name &&
        mayBeSame(object.namespace, namespace) &&
        (group === undefined || object.group === group),
    );
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
  routesOn(parentKind: "Service" | "Server", object: KubeObject): RouteObject[] {
    return this.routes.filter((route) =>
      route.parents.some(
        ({ kind, name, namespace }) =>
          kind === parentKind && name === object.name && mayBeSame(namespace, object.namespace),
      ),
    );
  }
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
