/** The fields that the contracts mark as UUIDs, and their one spelling in a message. */
import { type DescField, type DescMessage, getOption, hasOption, type Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type FieldRules, field as rulesOption } from "@row/gen/es/buf/validate/validate_pb.ts";
import { uuidInLowerCase } from "../uuid.ts";

/** Whether the field is a UUID by its contract, or a list of them. */
export function isUuid(field: DescField): boolean {
  if (!hasOption(field, rulesOption)) return false;
  const rules = getOption(field, rulesOption);
  return saysUuid(rules) || (rules.type.case === "repeated" && saysUuid(rules.type.value.items));
}

function saysUuid(rules: FieldRules | undefined): boolean {
  return (
    rules?.type.case === "string" && rules.type.value.wellKnown.case === "uuid" && rules.type.value.wellKnown.value
  );
}

/** Writes every UUID of the message in lower case, in place. */
export function spellUuids(descriptor: DescMessage, message: Message): void {
  spell(reflect(descriptor, message));
}

function spell(message: ReflectMessage): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === "message") spell(message.get(field));
    else if (field.fieldKind === "scalar" && isUuid(field)) message.set(field, inLowerCase(message.get(field)));
    else if (field.fieldKind === "list" && field.listKind === "message") {
      for (const item of message.get(field)) spell(item as ReflectMessage); // a list of messages, as listKind says
    } else if (field.fieldKind === "map" && field.mapKind === "message") {
      for (const item of message.get(field).values()) spell(item as ReflectMessage); // the same of a map
    } else if (field.fieldKind === "list" && isUuid(field)) {
      const list = message.get(field);
      for (const [index, item] of [...list].entries()) list.set(index, inLowerCase(item));
    }
  }
}

function inLowerCase(value: unknown): unknown {
  return typeof value === "string" ? uuidInLowerCase(value) : value;
}
