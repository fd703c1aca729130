import type { KubeObject } from "./kube-object.ts";
import type { Value } from "./value.ts";

/** Something that makes pods, or a pod itself. */
export interface WorkloadObject {
  readonly object: KubeObject;
  /** Metadata and spec of its pods. */
  readonly template: Value;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** "default" when it names none. */
  readonly account: string;
  readonly containers: readonly Value[];
  readonly ports: readonly ContainerPort[];
}

interface ContainerPort {
  readonly at: Value;
  readonly number: number | undefined;
  readonly name: string | undefined;
}

const WITH_TEMPLATE = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Rollout"];

export function workloadOf(object: KubeObject): WorkloadObject | undefined {
  const template = templateOf(object);
  if (!template) return undefined;
  const spec = template.at("spec");
  const containers = [...spec.at("containers").items, ...spec.at("initContainers").items];
  return {
    object,
    template,
    labels: template.at("metadata", "labels").texts,
    annotations: template.at("metadata", "annotations").texts,
    account: spec.at("serviceAccountName").text ?? spec.at("serviceAccount").text ?? "default",
    containers,
    ports: containers
      .flatMap((container) => container.at("ports").items)
      .map((at) => ({ at, number: at.at("containerPort").number, name: at.at("name").text })),
  };
}

function templateOf({ kind, root, spec }: KubeObject): Value | undefined {
  if (kind === "Pod") return root;
  if (kind === "CronJob") return spec.at("jobTemplate", "spec", "template");
  if (!WITH_TEMPLATE.includes(kind)) return undefined;
  const template = spec.at("template");
  return template.exists ? template : undefined;
}

/** Whether a label selector (matchLabels, matchExpressions) selects pods with these labels. */
export function selects(selector: Value, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(selector.at("matchLabels").texts);
  return wanted.every(([name, value]) => labels[name] === value) && selector.at("matchExpressions").items.every(holds);

  function holds(expression: Value): boolean {
    const value = labels[expression.at("key").text ?? ""];
    const values = expression.at("values").items.map((item) => item.text);
    switch (expression.at("operator").text) {
      case "In":
        return value !== undefined && values.includes(value);
      case "NotIn":
        return !values.includes(value);
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
      default:
        return false;
    }
  }
}
