/** The values that a path gives to request fields. */
import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { InvalidField } from "@row/runtime/errors.ts";
import type { PathVariable } from "./path-template.ts";
import { takesText, textToJson } from "./text-value.ts";

/** A variable of a template and the fields it goes through, outermost first. */
export interface BoundVariable {
  readonly variable: PathVariable;
  readonly fields: readonly [DescField, ...DescField[]];
  readonly leaf: DescField;
}

/** Finds the field of a variable; throws when the request message has no such field. */
export function bindVariable(descriptor: DescMessage, variable: PathVariable): BoundVariable {
  const path = variable.fieldPath.join(".");
  const wrong = () =>
    new Error(`Cannot use the path variable "${path}": ${descriptor.typeName} has no such field of one value`);
  const fields: DescField[] = [];
  let message: DescMessage | undefined = descriptor;
  for (const name of variable.fieldPath) {
    const field: DescField | undefined = message?.fields.find((candidate) => candidate.name === name);
    if (!field) throw wrong();
    fields.push(field);
    message = field.fieldKind === "message" ? field.message : undefined;
  }
  const [first, ...rest] = fields;
  const leaf = fields.at(-1);
  if (!first || !leaf || leaf.fieldKind === "list" || !takesText(leaf)) throw wrong();
  return { variable, fields: [first, ...rest], leaf };
}

/** Puts what the segments say into a proto3 JSON object. A body may say it too, but not otherwise. */
export function putPathValues(
  variables: readonly BoundVariable[],
  segments: readonly string[],
  target: JsonObject,
): void {
  for (const { variable, fields, leaf } of variables) {
    let object = target;
    for (const field of fields) {
      if (field === leaf) break;
      const inner: JsonValue = object[field.jsonName] ?? object[field.name] ?? {};
      object[field.jsonName] = inner;
      if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return; // reading the message refuses it
      object = inner;
    }
    const path = fields.map(({ jsonName }) => jsonName).join(".");
    const text = textOf(variable, segments, path);
    const given = object[leaf.jsonName] ?? object[leaf.name];
    if (given !== undefined && String(given) !== text) throw new InvalidField(path, "the body and the path differ");
    if (leaf.name !== leaf.jsonName) delete object[leaf.name];
    object[leaf.jsonName] = textToJson(leaf, text);
  }
}

function textOf({ start, end, isOneSegment }: PathVariable, segments: readonly string[], path: string): string {
  const raw = isOneSegment ? (segments[start] ?? "") : segments.slice(start, end).join("/");
  if (!raw.includes("%")) return raw;
  try {
    // Over several segments an encoded slash stays encoded, or it would look like a segment's end.
    return isOneSegment ? decodeURIComponent(raw) : raw.split(/(%2f)/i).map(keepSlash).join("");
  } catch {
    throw new InvalidField(path, "is not percent-encoded UTF-8");
  }
}

function keepSlash(part: string): string {
  return /^%2f$/i.test(part) ? part : decodeURIComponent(part);
}
