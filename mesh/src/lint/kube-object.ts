/** A Kubernetes object as the rules look at it: of any kind, whole or not. */
import type { Value } from "./value.ts";

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

/** Whether two namespaces may be one: a file that does not say gets whichever kubectl is told. */
export function mayBeSame(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

/** Objects that can be looked up by what refers to them. */
export interface KubeObjects {
  find(kind: string, name: string | undefined, namespace: string | undefined): KubeObject | undefined;
  /** A Service of the core group. */
  service(name: string | undefined, namespace: string | undefined): KubeObject | undefined;
}
