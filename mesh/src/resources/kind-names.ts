import { RowError } from "@row/topology/row-error.ts";
import { KINDS } from "./read.ts";
import type { Kind } from "./resource.ts";

const SHORT: Readonly<Record<string, Kind>> = {
  svc: "Service",
  sa: "ServiceAccount",
  authzpolicy: "AuthorizationPolicy",
};

/** The kind that somebody means by "grpcroutes", "GRPCRoute" or "svc". */
export function kindNamed(word: string): Kind {
  const lower = word.toLowerCase();
  const kinds = Object.keys(KINDS) as Kind[]; // its keys, by its type
  const found = SHORT[lower] ?? kinds.find((kind) => [kind, plural(kind)].some((name) => name.toLowerCase() === lower));
  if (found) return found;
  throw new RowError(`Unknown kind ${word}: there are ${kinds.map((kind) => kind.toLowerCase()).join(", ")}`);
}

/** "AuthorizationPolicies" */
export function plural(kind: string): string {
  return kind.endsWith("y") ? `${kind.slice(0, -1)}ies` : `${kind}s`;
}
