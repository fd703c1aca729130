/** Resources → YAML, as kubectl shows them: keys sorted, defaults written out where Kubernetes would fill them in. */
import { stringify } from "yaml";
import type { Resource } from "./resource.ts";

/** One document for each resource. */
export function writeResources(resources: readonly Resource[]): string {
  return resources.map(writeResource).join("---\n");
}

export function writeResource({ apiVersion, kind, metadata, spec }: Resource): string {
  const shown = kind === "ServiceAccount" ? { apiVersion, kind, metadata } : { apiVersion, kind, metadata, spec };
  // kubectl reads YAML 1.1, in which a plain `yes` is no string.
  const form = { sortMapEntries: true, lineWidth: 0, aliasDuplicateObjects: false, compat: "yaml-1.1" } as const;
  return stringify(withoutEmpty(shown), form);
}

/** Fields that mean something when they are empty: nobody has to authenticate; a selector of everything. */
const MEANINGFUL = new Set(["requiredAuthenticationRefs", "podSelector", "requestHeaderModifier"]);

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .map(([name, item]) => [name, withoutEmpty(item)] as const)
    .filter(([name, item]) => MEANINGFUL.has(name) || !isEmpty(item));
  return Object.fromEntries(entries);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
