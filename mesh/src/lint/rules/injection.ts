import { annotationOf, mayBeSame } from "../cluster.ts";
import type { Rule } from "../rule.ts";

const INJECT = "linkerd.io/inject";

export const INJECTION: readonly Rule[] = [
  {
    name: "annotation-misplaced",
    why: "Linkerd reads it from pods and namespaces only: the pods come up without a sidecar, or with its defaults, silently",
    fix: "move it to spec.template.metadata.annotations, or to the Namespace",
    *check({ workloads }) {
      for (const { object } of workloads) {
        if (object.kind === "Pod") continue;
        for (const name of Object.keys(object.annotations)) {
          if (name !== INJECT && !/^config\.((alpha|beta)\.)?linkerd\.io\//.test(name)) continue;
          yield {
            at: annotationOf(object, name),
            message: `${name} stands on the ${object.kind} ${object.name} itself`,
          };
        }
      }
    },
  },
  {
    name: "inject-value",
    why: "the injector knows enabled, disabled and ingress; with anything else the pods come up without a sidecar",
    fix: 'write "enabled"',
    *check({ workloads, objects }) {
      const places = [
        ...objects.filter(({ kind }) => kind === "Namespace").map(({ root }) => root),
        ...workloads.map(({ template }) => template),
      ].map((root) => root.at("metadata", "annotations", INJECT));
      for (const at of places) {
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
      for (const { object, template, annotations } of cluster.workloads) {
        const namespaces = cluster.ofKind("Namespace").filter(({ name }) => mayBeSame(name, object.namespace));
        // Where the Namespace is written elsewhere, nobody can tell from here.
        if (annotations[INJECT] !== undefined || namespaces.length === 0) continue;
        if (namespaces.some((namespace) => namespace.annotations[INJECT] !== undefined)) continue;
        if (object.annotations[INJECT] !== undefined) continue;
        yield {
          at: template,
          message: `neither the pods of ${object.kind} ${object.name} nor their Namespace ask for a sidecar`,
        };
      }
    },
  },
];
