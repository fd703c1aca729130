/** Finds the field that makes a JSON value unreadable. Runs only once reading has failed. */
import { type DescField, type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { registry } from "@row/runtime/contract.ts";
import { InvalidField } from "@row/runtime/errors.ts";

/** The refusal that names the first field of `json` that does not fit the message. */
export function blame(descriptor: DescMessage, json: JsonValue, error: unknown): InvalidField {
  return find(descriptor, json, "") ?? new InvalidField("", reasonOf(error));
}

function find(descriptor: DescMessage, json: JsonValue, path: string): InvalidField | undefined {
  if (json === null || typeof json !== "object" || Array.isArray(json)) {
    return new InvalidField(path, `must be an object, not ${nameOf(json)}`);
  }
  const given = new Set<DescField>();
  for (const [key, value] of Object.entries(json)) {
    const field = descriptor.fields.find(({ name, jsonName }) => key === jsonName || key === name);
    const here = path === "" ? key : `${path}.${key}`;
    if (!field) {
      const known = descriptor.fields.map(({ jsonName }) => jsonName).join(", ");
      return new InvalidField(here, `there is no such field; there is ${known || "none"}`);
    }
    if (given.has(field)) return new InvalidField(here, "is given twice, by two names; send one of them");
    given.add(field);
    const why = refusalOf(descriptor, { [key]: value });
    if (why !== undefined) return inField(descriptor, field, key, value, here) ?? new InvalidField(here, why);
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
  if (field.fieldKind === "message" && !isWellKnown(field.message)) return find(field.message, value, path);
  if (field.fieldKind !== "list" || !Array.isArray(value)) return undefined;
  for (const [index, item] of value.entries()) {
    const why = refusalOf(descriptor, { [key]: [item] });
    if (why === undefined) continue;
    const here = `${path}[${index}]`;
    const inner =
      field.listKind === "message" && !isWellKnown(field.message) ? find(field.message, item, here) : undefined;
    return inner ?? new InvalidField(here, why);
  }
  return undefined;
}

/** Well-known types have a JSON form of their own. */
export function isWellKnown(descriptor: DescMessage): boolean {
  return descriptor.typeName.startsWith("google.protobuf.");
}

function refusalOf(descriptor: DescMessage, json: JsonValue): string | undefined {
  try {
    fromJson(descriptor, json, { registry });
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** "cannot decode field a.b.C.d from JSON: expected string, got 5" without what comes before the colon. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^cannot decode (field|message|enum) \S+ from JSON: /, "").slice(0, 200);
}

function nameOf(json: JsonValue): string {
  if (json === null) return "null";
  return Array.isArray(json) ? "an array" : `a ${typeof json}`;
}
