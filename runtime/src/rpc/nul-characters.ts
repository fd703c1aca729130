/** Finds the NUL character in requests: it is valid in protobuf and JSON, and no text that Postgres stores may hold it. */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { FieldViolation } from "../domain-error.ts";

/** Every string field of the message that holds a NUL character. */
export function nulCharacters(descriptor: DescMessage, message: Message): FieldViolation[] {
  return [...paths(reflect(descriptor, message), "")].map((field) => ({
    field,
    description: "must not contain the NUL character",
  }));
}

function* paths(message: ReflectMessage, prefix: string): Generator<string> {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const path = `${prefix}${field.name}`;
    if (field.fieldKind === "list") {
      for (const [index, value] of [...message.get(field)].entries()) yield* pathsOf(value, `${path}[${index}]`);
    } else if (field.fieldKind === "map") {
      for (const [key, value] of message.get(field)) {
        yield* pathsOf(key, path);
        yield* pathsOf(value, `${path}["${key}"]`);
      }
    } else {
      yield* pathsOf(message.get(field), path);
    }
  }
}

function* pathsOf(value: unknown, path: string): Generator<string> {
  if (typeof value === "string" && value.includes("\0")) yield path;
  else if (isReflected(value)) yield* paths(value, `${path}.`);
}

function isReflected(value: unknown): value is ReflectMessage {
  return typeof value === "object" && value !== null && "fields" in value && "isSet" in value;
}
