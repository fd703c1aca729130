/** Whether pods get their sidecars, by annotations where Linkerd reads them. */

import { annotationOf, type Cluster } from "../cluster.ts";
import { INJECT, namespacesOf } from "../injected.ts";
import type { KubeObject } from "../kube-object.ts";
import type { Rule } from "../rule.ts";
import type { Value } from "../value.ts";

const CONFIG = /^config\.((alpha|beta)\.)?linkerd\.io\//;
const OPAQUE = "config.linkerd.io/opaque-ports";
/** Kinds that make no pods and whose annotations Linkerd does not read, but for a Service's opaque ports. */
const UNREAD = ["Service", "ServiceAccount", "ConfigMap", "Secret", "Ingress"];

export const INJECTION: readonly Rule[] = [
  {
    name: "annotation-misplaced",
    why: "Linkerd reads it from pods and namespaces only: the pods come up without a sidecar, or with its defaults, silently",
    fix: "move it to spec.template.metadata.annotations, or to the Namespace",
    *check({ workloads, objects }) {
      for (const { object, annotations } of workloads) {
        if (object.kind === "Pod") continue;
        for (const name of misplaceable(object)) {
          const isHint = annotations[name] !== undefined;
          const but = isHint ? ", where nothing reads it; its pod template has it too" : "";
          const message = `${name} stands on the ${object.kind} ${object.name} itself${but}`;
          yield { at: annotationOf(object, name), message, isHint, ...(isHint && { fix: "remove it" }) };
        }
      }
      for (const object of objects.filter(({ kind }) => UNREAD.includes(kind))) {
        for (const name of misplaceable(object)) {
          if (object.kind === "Service" && name === OPAQUE) continue;
          const message = `${name} stands on the ${object.kind} ${object.name}, where nothing reads it`;
          yield { at: annotationOf(object, name), message };
        }
      }
    },
  },
  {
    name: "inject-label",
    why: "the injector reads annotations only: the pods come up without a sidecar, silently",
    fix: `move it from labels to annotations: ${INJECT}: enabled`,
    *check(cluster) {
      for (const place of readPlaces(cluster)) {
        const label = place.at("metadata", "labels", INJECT);
        if (!label.exists || place.at("metadata", "annotations", INJECT).exists) continue;
        yield { at: label, message: `${INJECT} is a label and no annotation` };
      }
    },
  },
  {
    name: "inject-value",
    why: "the injector knows enabled, disabled and ingress; with anything else the pods come up without a sidecar",
    fix: 'write "enabled"',
    *check(cluster) {
      for (const at of readPlaces(cluster).map((place) => place.at("metadata", "annotations", INJECT))) {
        if (at.exists && !["enabled", "disabled", "ingress"].includes(at.text ?? ""))
          yield { at, message: `${INJECT} is ${JSON.stringify(at.raw)}` };
      }
    },
  },
  {
    name: "not-injected",
    why: "the pods come up without a sidecar: no identity, so every policy denies them, and no metrics, retries or splits",
    fix: `annotate the pod template or the Namespace with ${INJECT}: enabled (or disabled, to say that it is meant)`,
    *check(cluster) {
      for (const { object, template, annotations, labels } of cluster.workloads) {
        const namespaces = namespacesOf(cluster, object);
        // Where the Namespace is written elsewhere, nobody can tell from here.
        if (annotations[INJECT] !== undefined || namespaces.length === 0) continue;
        if (namespaces.some((namespace) => namespace.annotations[INJECT] !== undefined)) continue;
        // What is written in the wrong place is said there.
        const written = [object.annotations, labels, ...namespaces.map((namespace) => namespace.labels)];
        if (written.some((names) => names[INJECT] !== undefined)) continue;
        yield {
          at: template,
          message: `neither the pods of ${object.kind} ${object.name} nor their Namespace ask for a sidecar`,
        };
      }
    },
  },
];

/** Where the injector looks: Namespaces and pods. */
function readPlaces({ objects, workloads }: Cluster): Value[] {
  const namespaces = objects.filter(({ kind }) => kind === "Namespace").map(({ root }) => root);
  return [...namespaces, ...workloads.map(({ template }) => template)];
}

function misplaceable({ annotations }: KubeObject): string[] {
  return Object.keys(annotations).filter((name) => name === INJECT || CONFIG.test(name));
}
