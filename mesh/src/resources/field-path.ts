/** Where a field of a manifest is, as a value and as text. */

/** Where a field is: ["spec", "rules", 0, "backendRefs"]. */
export type FieldPath = readonly (string | number)[];

/** ["spec", "rules", 0, "matches"] → "spec.rules[0].matches"; keys that hold dots or slashes stand in brackets. */
export function writePath(path: FieldPath): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[\w-]+$/.test(step)) return `["${step}"]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}
