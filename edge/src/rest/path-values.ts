/** The values that a path gives to request fields. */
import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  toBinary,
} from "@bufbuild/protobuf";
import { registry } from "@row/runtime/contract.ts";
import { InvalidField } from "@row/runtime/domain-error.ts";
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
    const path = fields.map(({ jsonName }) => jsonName).join(".");
    const value = textToJson(leaf, textOf(variable, segments, path));
    const object = objectAround(fields, target);
    if (!object) return;
    const given = object[nameIn(object, leaf)];
    if (given !== undefined && given !== null && !isSame(leaf, given, value)) {
      throw new InvalidField(path, "the body and the path differ");
    }
    object[nameIn(object, leaf)] = value;
  }
}

/** The object that holds the last of the fields; undefined where the body has something else, which reading it refuses. */
function objectAround(fields: BoundVariable["fields"], target: JsonObject): JsonObject | undefined {
  let object = target;
  for (const field of fields.slice(0, -1)) {
    const name = nameIn(object, field);
    const inner: JsonValue = object[name] ?? {}; // null is the default, as if it were not given
    if (typeof inner !== "object" || Array.isArray(inner)) return undefined;
    object[name] = inner;
    object = inner;
  }
  return object;
}

/** The name under which the object has the field: parsers take both (proto3 JSON). */
function nameIn(object: JsonObject, { name, jsonName }: DescField): string {
  return Object.hasOwn(object, name) && !Object.hasOwn(object, jsonName) ? name : jsonName;
}

/** Whether two JSON values mean the same, as 1.5 and "1.50" do for a number. What the path says wrong is left to be refused. */
function isSame(leaf: DescField, given: JsonValue, value: JsonValue): boolean {
  if (given === value) return true;
  const ofPath = encoded(leaf, value);
  if (!ofPath) return true;
  return encoded(leaf, given)?.equals(ofPath) ?? false;
}

function encoded({ parent, jsonName }: DescField, value: JsonValue): Buffer | undefined {
  try {
    return Buffer.from(toBinary(parent, fromJson(parent, { [jsonName]: value }, { registry })));
  } catch {
    return undefined;
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
