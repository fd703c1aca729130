/**
 * Numbers in proto3 JSON that would be read as others: too large for JSON.parse, or written as proto3 JSON has no numbers, all
 * of which protobuf-es 2.17 takes ("0x10", "+5", "1.5s and more").
 */
import { type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { InvalidField } from "@row/runtime/domain-error.ts";
import { formOfMessage } from "./form.ts";

const WIDE: ReadonlySet<ScalarType | undefined> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);
const NOT_A_NUMBER: ReadonlySet<ScalarType | undefined> = new Set([
  undefined,
  ScalarType.STRING,
  ScalarType.BOOL,
  ScalarType.BYTES,
]);
const WRAPPER = /^google\.protobuf\.(Double|Float|U?Int(32|64))Value$/;
const DURATION = /^-?\d{1,12}(\.\d{1,9})?s$/;
/** As JSON writes numbers, and the words that proto3 JSON has for the others. */
const DECIMAL = /^(-?\d+(\.\d+)?([eE][+-]?\d+)?|NaN|-?Infinity)$/;

/** Throws for a number of a message in proto3 JSON that may not be the one that was sent; what else is wrong is left. */
export function refuseMisreadNumbers(descriptor: DescMessage, json: JsonValue | undefined, path = ""): void {
  if (WRAPPER.test(descriptor.typeName)) refuseNumber(descriptor.field.value?.scalar, json, path || "body");
  if (descriptor.typeName === DurationSchema.typeName && typeof json === "string" && !DURATION.test(json)) {
    throw new InvalidField(path || "body", formOfMessage(descriptor));
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) return;
  for (const [key, value] of Object.entries(json)) {
    const field = descriptor.fields.find(({ name, jsonName }) => key === jsonName || key === name);
    if (field) refuseInField(field, value, path === "" ? key : `${path}.${key}`);
  }
}

function refuseInField(field: DescField, json: JsonValue, path: string): void {
  if (field.fieldKind === "list") {
    if (Array.isArray(json)) for (const [i, item] of json.entries()) refuseInValue(field, item, `${path}[${i}]`);
  } else if (field.fieldKind === "map") {
    for (const [key, value] of Object.entries(json ?? {})) refuseInValue(field, value, `${path}["${key}"]`);
  } else refuseInValue(field, json, path);
}

function refuseInValue({ message, scalar }: DescField, json: JsonValue, path: string): void {
  if (message) refuseMisreadNumbers(message, json, path);
  else refuseNumber(scalar, json, path);
}

function refuseNumber(scalar: ScalarType | undefined, json: JsonValue | undefined, path: string): void {
  if (NOT_A_NUMBER.has(scalar)) return;
  if (typeof json === "string" && !DECIMAL.test(json)) {
    throw new InvalidField(path, 'must be a decimal number, such as "12"');
  }
  if (WIDE.has(scalar) && typeof json === "number" && Math.abs(json) > Number.MAX_SAFE_INTEGER) {
    throw new InvalidField(path, "as a JSON number it would be rounded beyond ±(2^53-1): send it as a string");
  }
}
