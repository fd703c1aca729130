/** A request in proto3 JSON with every field in it, to be filled in by hand. */
import { type DescEnum, type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";

/** What messages look like whose JSON is not that of their fields. */
const WELL_KNOWN: Readonly<Record<string, JsonValue>> = {
  "google.protobuf.Timestamp": "2026-01-31T12:00:00Z",
  "google.protobuf.Duration": "1s",
  "google.protobuf.FieldMask": "",
  "google.protobuf.Struct": {},
  "google.protobuf.Value": null,
  "google.protobuf.ListValue": [],
  "google.protobuf.Any": {},
  "google.protobuf.Empty": {},
  "google.protobuf.BoolValue": false,
  "google.protobuf.StringValue": "",
  "google.protobuf.BytesValue": "",
  "google.protobuf.Int32Value": 0,
  "google.protobuf.UInt32Value": 0,
  "google.protobuf.Int64Value": "0",
  "google.protobuf.UInt64Value": "0",
  "google.protobuf.FloatValue": 0,
  "google.protobuf.DoubleValue": 0,
};
const BIG = new Set([ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64]);
const TEXTS = new Set([ScalarType.STRING, ScalarType.BYTES]);

export function requestTemplate(message: DescMessage, above: readonly string[] = []): JsonValue {
  const known = WELL_KNOWN[message.typeName];
  if (known !== undefined) return known;
  // A message that holds itself ends here.
  if (above.includes(message.typeName)) return {};
  const shown = message.fields.filter(
    ({ oneof }, index, all) => !oneof || all.findIndex((one) => one.oneof === oneof) === index,
  );
  const within = [...above, message.typeName];
  return Object.fromEntries(shown.map((field) => [field.jsonName, fieldTemplate(field, within)]));
}

function fieldTemplate(field: DescField, above: readonly string[]): JsonValue {
  const one = (message: DescMessage | undefined, type: DescEnum | undefined, scalar: ScalarType | undefined) => {
    if (message) return requestTemplate(message, above);
    return type ? enumTemplate(type) : scalarTemplate(scalar);
  };
  const value = one(field.message, field.enum, field.scalar);
  if (field.fieldKind === "list") return [value];
  return field.fieldKind === "map" ? { [String(scalarTemplate(field.mapKey))]: value } : value;
}

/** The first value that says something. */
function enumTemplate({ values }: DescEnum): string {
  return (values.find(({ number }) => number !== 0) ?? values[0])?.name ?? "";
}

function scalarTemplate(scalar: ScalarType | undefined): JsonValue {
  if (scalar === undefined || TEXTS.has(scalar)) return "";
  if (scalar === ScalarType.BOOL) return false;
  return BIG.has(scalar) ? "0" : 0;
}
