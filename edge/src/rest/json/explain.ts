/** Finds the field that makes a JSON value unreadable. Runs only once reading has failed. */
import { type DescField, type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { registry } from "@row/runtime/contract.ts";
import { InvalidField } from "@row/runtime/domain-error.ts";
import { formOfField, formOfMessage, formOfValue, hasOwnJsonForm } from "./form.ts";

/** The refusal that names the first field of `json` that does not fit the message. */
export function explain(descriptor: DescMessage, json: JsonValue): InvalidField {
  return find(descriptor, json, "") ?? new InvalidField("body", formOfMessage(descriptor));
}

function find(descriptor: DescMessage, json: JsonValue, path: string): InvalidField | undefined {
  if (hasOwnJsonForm(descriptor)) return undefined;
  if (json === null || typeof json !== "object" || Array.isArray(json)) {
    return new InvalidField(path || "body", `must be an object, not ${nameOf(json)}`);
  }
  const given = new Map<DescField | DescField["oneof"], DescField>();
  for (const [key, value] of Object.entries(json)) {
    const field = descriptor.fields.find(({ name, jsonName }) => key === jsonName || key === name);
    const here = path === "" ? key : `${path}.${key}`;
    if (!field) {
      const known = descriptor.fields.map(({ jsonName }) => jsonName).join(", ");
      return new InvalidField(here, `there is no such field; there is ${known || "none"}`);
    }
    if (given.has(field)) return new InvalidField(here, "is given twice, by two names; send one of them");
    given.set(field, field);
    if (!isReadable(descriptor, { [key]: value })) {
      return inField(descriptor, field, key, value, here) ?? new InvalidField(here, formOfField(field));
    }
    const isAbsent = value === null && field.fieldKind === "scalar";
    if (!field.oneof || isAbsent) continue;
    const other = given.get(field.oneof);
    if (other) return new InvalidField(here, `cannot be given together with ${other.jsonName}: send one of them`);
    given.set(field.oneof, field);
  }
  return undefined;
}

function inField(
  descriptor: DescMessage,
  field: DescField,
  key: string,
  value: JsonValue,
  path: string,
): InvalidField | undefined {
  if (field.fieldKind === "message") return find(field.message, value, path);
  if (field.fieldKind === "list" && Array.isArray(value)) {
    const elements = value.map((item, index) => ({ part: `[${index}]`, item, alone: [item] }));
    return inElements(descriptor, field, key, path, elements);
  }
  if (field.fieldKind === "map" && value !== null && typeof value === "object") {
    const elements = Object.entries(value).map(([name, item]) => ({
      part: `[${JSON.stringify(name.slice(0, 100))}]`,
      item,
      alone: { [name]: item },
    }));
    return inElements(descriptor, field, key, path, elements);
  }
  return undefined;
}

interface Element {
  /** "[0]" */
  readonly part: string;
  readonly item: JsonValue;
  /** The field with this element only. */
  readonly alone: JsonValue;
}

function inElements(
  descriptor: DescMessage,
  field: DescField,
  key: string,
  path: string,
  elements: readonly Element[],
): InvalidField | undefined {
  const bad = elements.find(({ alone }) => !isReadable(descriptor, { [key]: alone }));
  if (!bad) return undefined;
  const here = path + bad.part;
  return (field.message && find(field.message, bad.item, here)) ?? new InvalidField(here, formOfValue(field));
}

/** Well-known types are no messages to look into: most have a JSON form of their own. */
export function isWellKnown(descriptor: DescMessage): boolean {
  return descriptor.typeName.startsWith("google.protobuf.");
}

function isReadable(descriptor: DescMessage, json: JsonValue): boolean {
  try {
    fromJson(descriptor, json, { registry });
    return true;
  } catch {
    return false;
  }
}

function nameOf(json: JsonValue): string {
  if (json === null) return "null";
  return Array.isArray(json) ? "an array" : `a ${typeof json}`;
}
