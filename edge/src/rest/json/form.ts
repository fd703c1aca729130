/** What proto3 JSON has for each kind of field, in the words of a refusal. */
import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

const WHOLE = "must be a whole number";
const SCALARS: Readonly<Record<ScalarType, string>> = {
  [ScalarType.STRING]: "must be a string of valid Unicode",
  [ScalarType.BOOL]: "must be true or false",
  [ScalarType.BYTES]: "must be a string in base64",
  [ScalarType.DOUBLE]: 'must be a number, "NaN", "Infinity" or "-Infinity"',
  [ScalarType.FLOAT]: 'must be a number of 32 bits, "NaN", "Infinity" or "-Infinity"',
  [ScalarType.INT32]: `${WHOLE} of 32 bits`,
  [ScalarType.SINT32]: `${WHOLE} of 32 bits`,
  [ScalarType.SFIXED32]: `${WHOLE} of 32 bits`,
  [ScalarType.UINT32]: `${WHOLE} of 32 bits, not negative`,
  [ScalarType.FIXED32]: `${WHOLE} of 32 bits, not negative`,
  [ScalarType.INT64]: `${WHOLE} of 64 bits, best as a string`,
  [ScalarType.SINT64]: `${WHOLE} of 64 bits, best as a string`,
  [ScalarType.SFIXED64]: `${WHOLE} of 64 bits, best as a string`,
  [ScalarType.UINT64]: `${WHOLE} of 64 bits, not negative, best as a string`,
  [ScalarType.FIXED64]: `${WHOLE} of 64 bits, not negative, best as a string`,
};

const OWN_FORMS: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp": 'must be a time such as "2026-01-02T03:04:05Z"',
  "google.protobuf.Duration": 'must be a duration in seconds such as "1.5s"',
  "google.protobuf.FieldMask": 'must be a string of comma-separated names such as "name,categoryId"',
  "google.protobuf.Struct": "must be an object",
  "google.protobuf.ListValue": "must be a list",
  "google.protobuf.Value": "must be a JSON value",
  "google.protobuf.Any": 'must be an object whose "@type" names a message of the contracts',
};

const WRAPPER = /^google\.protobuf\.(Double|Float|U?Int(32|64)|Bool|String|Bytes)Value$/;

/** Whether proto3 JSON writes the message in a form of its own, not as an object of its fields. */
export function hasOwnJsonForm({ typeName }: DescMessage): boolean {
  return typeName in OWN_FORMS || WRAPPER.test(typeName);
}

/** "must be …" for the value of a field. */
export function formOfField(field: DescField): string {
  if (field.fieldKind === "list") return "must be a list";
  if (field.fieldKind === "map") return "must be an object";
  return formOfValue(field);
}

/** "must be …" for one value of a field: an element, where it is a list. */
export function formOfValue({ message, enum: values, scalar }: DescField): string {
  if (message) return formOfMessage(message);
  return values ? formOfEnum(values) : scalarForm(scalar);
}

/** "must be …" for a message. */
export function formOfMessage({ typeName, field }: DescMessage): string {
  return OWN_FORMS[typeName] ?? (WRAPPER.test(typeName) ? scalarForm(field.value?.scalar) : "must be an object");
}

function scalarForm(scalar: ScalarType | undefined): string {
  return scalar === undefined ? "cannot be read" : SCALARS[scalar];
}

function formOfEnum({ values }: DescEnum): string {
  return `must be one of ${values.map(({ jsonName }) => jsonName).join(", ")}`;
}
