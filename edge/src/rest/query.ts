/** Query parameters as request fields: `?pageSize=5&item.color=RED&item.color=BLUE`. */
import type { DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { DomainError, InvalidField } from "@row/runtime/domain-error.ts";
import { isWellKnown } from "./json/explain.ts";
import { takesText, textToJson } from "./text-value.ts";

/**
 * Puts the parameters into `target`, a proto3 JSON object of the message. `taken` are the top-level fields that the
 * path or the body gives. Names may be proto or JSON names. Throws a DomainError that names the parameter.
 */
export function readQuery(
  descriptor: DescMessage,
  query: string,
  taken: ReadonlySet<DescField>,
  target: JsonObject,
): void {
  for (const part of query.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? "" : decode(part.slice(equals + 1));
    put(descriptor, name, value, taken, target);
  }
}

function put(
  descriptor: DescMessage,
  name: string,
  value: string,
  taken: ReadonlySet<DescField>,
  target: JsonObject,
): void {
  const names = name.split(".");
  let message = descriptor;
  let object = target;
  for (const [depth, part] of names.entries()) {
    const field = message.fields.find((candidate) => candidate.jsonName === part || candidate.name === part);
    if (!field || taken.has(field)) throw unknownParameter(descriptor, name, taken);
    if (depth === names.length - 1) {
      if (!takesText(field)) throw new InvalidField(name, "cannot be given as a query parameter");
      set(object, field, name, textToJson(field, value));
      return;
    }
    if (field.fieldKind !== "message" || isWellKnown(field.message)) throw unknownParameter(descriptor, name, taken);
    const inner = object[field.jsonName] ?? {};
    object[field.jsonName] = inner;
    object = inner as JsonObject; // only this function writes message fields, always objects
    message = field.message;
  }
}

function set(object: JsonObject, field: DescField, name: string, value: JsonValue): void {
  const before = object[field.jsonName];
  if (field.fieldKind !== "list") {
    if (before !== undefined) throw new InvalidField(name, "is given twice");
    object[field.jsonName] = value;
  } else if (Array.isArray(before)) before.push(value);
  else object[field.jsonName] = [value];
}

function unknownParameter(descriptor: DescMessage, name: string, taken: ReadonlySet<DescField>): InvalidField {
  const known = descriptor.fields.filter((field) => !taken.has(field)).map(({ jsonName }) => jsonName);
  return new InvalidField(name.slice(0, 200), `there is no such parameter; there is ${known.join(", ") || "none"}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.includes("+") ? text.replaceAll("+", " ") : text);
  } catch {
    throw new DomainError(
      "invalid",
      "MALFORMED_QUERY",
      `Cannot read the query: ${JSON.stringify(text.slice(0, 100))} is not percent-encoded UTF-8`,
    );
  }
}
