/** References to other objects, read as Linkerd reads them: groups and kinds without regard to case. */
import { groupOf, kindOf } from "../resources/kinds/reference.ts";
import type { Value } from "./value.ts";

export interface ObjectReference {
  readonly at: Value;
  /** "" for the core group; undefined when it is not written. */
  readonly group: string | undefined;
  readonly kind: string | undefined;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
}

const KINDS = [
  "EgressNetwork",
  "Gateway",
  "GRPCRoute",
  "HTTPRoute",
  "MeshTLSAuthentication",
  "Namespace",
  "NetworkAuthentication",
  "Server",
  "Service",
  "ServiceAccount",
];

export function referenceOf(at: Value): ObjectReference {
  const [group, kind] = [at.at("group").text, at.at("kind").text];
  return {
    at,
    group: group === undefined ? undefined : groupOf(group),
    kind: kind === undefined ? undefined : kindOf(kind, KINDS),
    name: at.at("name").text,
    namespace: at.at("namespace").text,
  };
}
