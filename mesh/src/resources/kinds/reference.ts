import type { Fields } from "../fields.ts";
import type { Reference } from "../resource.ts";
import { DNS_LABEL, WANTED_NAME } from "./metadata.ts";

/** What may be referred to: "policy.linkerd.io/Server"; "/Service" is of the core group. */
export type ReferableKind = `${string}/${string}`;

/** Reads group, kind, name and, where the referrer may look elsewhere, the namespace. "core" becomes "". */
export function readReference(
  fields: Fields,
  {
    kinds,
    defaultGroup = "",
    defaultKind,
    elsewhere = false,
  }: {
    kinds: readonly ReferableKind[];
    defaultGroup?: string;
    defaultKind?: string;
    elsewhere?: boolean;
  },
): Reference {
  const group = groupOf(fields.text("group", { fallback: defaultGroup }));
  const names = kinds.map((known) => known.slice(known.indexOf("/") + 1));
  const kind = kindOf(fields.text("kind", { fallback: defaultKind, wanted: names.join(" or ") }), names);
  const name = fields.text("name", { pattern: DNS_LABEL, wanted: WANTED_NAME });
  const namespace = elsewhere
    ? fields.optionalText("namespace", { pattern: DNS_LABEL, wanted: WANTED_NAME })
    : fields.refuse("namespace", "remove it: this can only refer to its own namespace");
  if (kind !== "" && !kinds.some((known) => known === `${group}/${kind}`)) {
    const advice = kinds.map((known) => writeKind(known)).join(", or ");
    fields.problem(fields.has("kind") ? "kind" : "", `it refers to ${group || "core"}/${kind}`, `write ${advice}`);
  }
  return { group, kind, name, ...(namespace !== undefined && { namespace }) };
}

/** The group as code compares it: the core group is "", which a route may also call "core". */
export function groupOf(written: string): string {
  return written.toLowerCase() === "core" ? "" : written.toLowerCase();
}

/** The kind as it is spelled: Linkerd compares kinds without regard to case. */
export function kindOf(written: string, known: readonly string[]): string {
  return known.find((kind) => kind.toLowerCase() === written.toLowerCase()) ?? written;
}

function writeKind(known: string): string {
  const [group, kind] = known.split("/");
  return `group: ${group || "core"} and kind: ${kind}`;
}
