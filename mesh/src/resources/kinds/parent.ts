import type { Fields } from "../fields.ts";
import type { ParentReference } from "../resource.ts";
import { type ReferableKind, readReference } from "./reference.ts";

const MOST_PARENTS = 32;

/** What a route hangs on. All parents must be of one kind, because a Service's route and a Server's say different things. */
export function readParents(spec: Fields, kinds: readonly ReferableKind[]): ParentReference[] {
  const parents = spec.each("parentRefs", (parent) => readParent(parent, kinds), {
    min: 1,
    max: MOST_PARENTS,
    wanted: "what the route hangs on",
  });
  if (new Set(parents.map(({ kind }) => kind)).size > 1) {
    spec.problem(
      "parentRefs",
      "it has Services and Servers",
      "write one route for each: one is outbound, the other inbound",
    );
  }
  return parents;
}

function readParent(parent: Fields, kinds: readonly ReferableKind[]): ParentReference {
  parent.refuse("sectionName", "write the port's number as port instead");
  const reference = readReference(parent, {
    kinds,
    // Unless the file says otherwise, Kubernetes takes the parent for a Gateway.
    defaultGroup: "gateway.networking.k8s.io",
    defaultKind: "Gateway",
    elsewhere: true,
  });
  if (reference.kind === "Server") {
    parent.refuse("port", "remove it: the Server has its port");
    return reference;
  }
  const port = parent.optionalInteger("port", { from: 1, to: 65_535, wanted: "the Service's port, such as 50051" });
  return { ...reference, ...(port !== undefined && { port }) };
}
