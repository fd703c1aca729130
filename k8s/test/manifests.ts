/** What is rendered and what the mesh's files say, as the tests look at them. */
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Deployment, StatefulSet } from "kubernetes-models/apps/v1";
import { Job } from "kubernetes-models/batch/v1";
import type { IContainer, IPodSpec, IPodTemplateSpec } from "kubernetes-models/v1";
import { parseAllDocuments } from "yaml";
import { renderedFiles, shopAt } from "../src/profiles.ts";
import type { ShopPlan } from "../src/shop.ts";

export const root = resolve(import.meta.dirname, "../..");
export const shop = shopAt(root);

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** As kubectl reads them, in YAML 1.1. */
export function parse(text: string): KubeObject[] {
  return parseAllDocuments(text, { version: "1.1" }).map((document) => {
    const value: unknown = document.toJS();
    if (!isObject(value)) throw new Error(`Cannot use a document: it is no Kubernetes object: ${document}`);
    return value;
  });
}

function isObject(value: unknown): value is KubeObject {
  return typeof value === "object" && value !== null && "kind" in value && "apiVersion" in value && "metadata" in value;
}

/** The core profile of a shop. */
export function core(of: ShopPlan = shop): KubeObject[] {
  return [...renderedFiles(of)].flatMap(([file, text]) => (file.startsWith("k8s/rendered/core/") ? parse(text) : []));
}

const CORE = core();

/** The generated files of the mesh. */
export function mesh(): KubeObject[] {
  return globSync("mesh/{services,policy,routes}/*.yaml", { cwd: root })
    .sort()
    .flatMap((file) => parse(readFileSync(join(root, file), "utf8")));
}

export interface Workload {
  readonly kind: string;
  readonly name: string;
  /** What Services, Servers and NetworkPolicies call it. */
  readonly app: string;
  readonly account: string;
  readonly isMeshed: boolean;
  readonly template: IPodTemplateSpec;
  readonly pod: IPodSpec;
  readonly containers: readonly IContainer[];
}

/** Whatever makes pods. */
export function workloads(objects: readonly KubeObject[] = CORE): Workload[] {
  return objects.flatMap((object) => {
    const template = templateOf(object);
    const pod = template?.spec;
    if (!template || !pod) return [];
    const { labels = {}, annotations = {} } = template.metadata ?? {};
    return [
      {
        kind: object.kind,
        name: object.metadata.name,
        app: labels["app.kubernetes.io/name"] ?? "",
        account: pod.serviceAccountName ?? "default",
        isMeshed: annotations["linkerd.io/inject"] !== "disabled",
        template,
        pod,
        containers: [...(pod.initContainers ?? []), ...pod.containers],
      },
    ];
  });
}

function templateOf(object: KubeObject): IPodTemplateSpec | undefined {
  if (Deployment.is(object) || StatefulSet.is(object) || Job.is(object)) return object.spec?.template;
  return undefined;
}

export function workload(name: string): Workload {
  const found = workloads().find((candidate) => candidate.name === name);
  if (!found) throw new Error(`There is no workload ${name}`);
  return found;
}

/** A field of any object, by its path; undefined where there is none. */
export function field(object: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((value, step) => {
    if (Array.isArray(value)) return value[Number(step)];
    return typeof value === "object" && value !== null
      ? Object.entries(value).find(([key]) => key === step)?.[1]
      : undefined;
  }, object);
}

/** The items of a list, or none. */
export function list(object: unknown, ...path: (string | number)[]): unknown[] {
  const value = field(object, ...path);
  return Array.isArray(value) ? value : [];
}
