/** Text of a path or a query as the proto3 JSON value of the field it is for. */
import { type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";

/** Well-known types whose JSON form is a string or a scalar. */
const SCALAR_LIKE =
  /^google\.protobuf\.(Timestamp|Duration|FieldMask|(Double|Float|U?Int(32|64)|Bool|String|Bytes)Value)$/;

/** Whether one piece of text can give the field, or an element of it, its value. */
export function takesText(field: DescField): boolean {
  switch (field.fieldKind) {
    case "scalar":
    case "enum":
      return true;
    case "message":
      return SCALAR_LIKE.test(field.message.typeName);
    case "list":
      return field.listKind !== "message" || SCALAR_LIKE.test(field.message.typeName);
    case "map":
      return false;
  }
}

/** The value that reading proto3 JSON expects; text that does not fit is left as it is, to be refused there. */
export function textToJson(field: DescField, text: string): JsonValue {
  if (field.enum) return /^-?\d{1,10}$/.test(text) ? Number(text) : text;
  if (field.message) return wellKnown(field.message, text);
  return field.scalar === ScalarType.BOOL ? toBool(text) : text;
}

function wellKnown(descriptor: DescMessage, text: string): JsonValue {
  if (descriptor.typeName === "google.protobuf.BoolValue") return toBool(text);
  // Google's own APIs take proto names in an update_mask of a URL.
  if (descriptor.typeName === "google.protobuf.FieldMask") {
    return text.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  }
  return text;
}

function toBool(text: string): JsonValue {
  if (text === "true") return true;
  return text === "false" ? false : text;
}
