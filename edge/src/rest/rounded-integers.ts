/** 64-bit integers that were written as JSON numbers, which JSON.parse rounds once they are too large. */
import { type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { InvalidField } from "@row/runtime/errors.ts";

const WIDE: ReadonlySet<ScalarType | undefined> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);
const WIDE_VALUE = /^google\.protobuf\.U?Int64Value$/;

/** Throws for an integer of a message in proto3 JSON that may not be the one that was sent; what else is wrong is left. */
export function refuseRoundedIntegers(descriptor: DescMessage, json: JsonValue | undefined, path = ""): void {
  if (WIDE_VALUE.test(descriptor.typeName)) refuseRounded(json, path);
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
  if (message) refuseRoundedIntegers(message, json, path);
  else if (WIDE.has(scalar)) refuseRounded(json, path);
}

function refuseRounded(json: JsonValue | undefined, path: string): void {
  if (typeof json !== "number" || Math.abs(json) <= Number.MAX_SAFE_INTEGER) return;
  throw new InvalidField(path, "as a JSON number it would be rounded beyond ±(2^53-1): send it as a string");
}
