/** buf.validate rules as JSON Schema keywords. */
import { type DescEnum, type DescField, getOption } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldOption } from "@row/gen/es/buf/validate/validate_pb.ts";
import { requiredFields } from "@row/runtime/rpc/validate.ts";
import type { Schema } from "./json-schema.ts";

export function rulesOf(field: DescField): FieldRules {
  return getOption(field, fieldOption);
}

/** Whether a request must have the field: one whose rules its zero value breaks as much as one that says so. */
export function isRequired(field: DescField): boolean {
  return requiredFields(field.parent).has(field.name);
}

/** Whether a caller must send the field: the edge makes a request_id where none is given. */
export function mustBeSent(field: DescField): boolean {
  return isRequired(field) && field.name !== "request_id";
}

/** The keywords for a field; those for the elements of a list stand in `items`. */
export function keywords(rules: FieldRules): Schema {
  const { type } = rules;
  switch (type.case) {
    case "int32":
      return { ...lower(type.value.greaterThan), ...upper(type.value.lessThan) };
    case "int64":
      return wholeNumberText(type.value.greaterThan);
    case "string": {
      const { minLen, maxLen, maxBytes, pattern, wellKnown, in: choices } = type.value;
      const longest = maxLen || maxBytes; // no character takes less than a byte
      return {
        ...(minLen ? { minLength: Number(minLen) } : rules.required ? { minLength: 1 } : {}),
        ...(longest ? { maxLength: Number(longest) } : {}),
        ...(pattern ? { pattern } : {}),
        ...(wellKnown.case ? { format: wellKnown.case } : {}),
        ...(type.value.const ? { const: type.value.const } : {}),
        ...(choices.length > 0 ? { enum: choices } : {}),
      };
    }
    case "bytes":
      return type.value.maxLen ? { maxLength: Math.ceil(Number(type.value.maxLen) / 3) * 4 } : {}; // as base64
    case "repeated": {
      const { minItems, maxItems, unique } = type.value;
      return {
        ...(minItems ? { minItems: Number(minItems) } : rules.required ? { minItems: 1 } : {}),
        ...(maxItems ? { maxItems: Number(maxItems) } : {}),
        ...(unique ? { uniqueItems: true } : {}),
      };
    }
    default:
      return {};
  }
}

const NO_CHOICE: { readonly in: readonly number[]; readonly notIn: readonly number[] } = { in: [], notIn: [] };

/** The names of an enum that a field may have; undefined when it may have all. */
export function allowedNames({ values }: DescEnum, rules: FieldRules): string[] | undefined {
  const { in: only, notIn } = rules.type.case === "enum" ? rules.type.value : NO_CHOICE;
  const allowed = values.filter(
    ({ number }) =>
      !(rules.required && number === 0) && !notIn.includes(number) && (only.length === 0 || only.includes(number)),
  );
  return allowed.length === values.length ? undefined : allowed.map(({ name }) => name);
}

/** The rules of the elements of a list. */
export function itemRules(rules: FieldRules): FieldRules | undefined {
  return rules.type.case === "repeated" ? rules.type.value.items : undefined;
}

type Bound = { case?: string; value?: number };

function lower({ case: kind, value }: Bound): Schema {
  if (value === undefined) return {};
  return kind === "gt" ? { exclusiveMinimum: value } : { minimum: value };
}

function upper({ case: kind, value }: Bound): Schema {
  if (value === undefined) return {};
  return kind === "lt" ? { exclusiveMaximum: value } : { maximum: value };
}

/** A 64-bit integer is a string in JSON; of its bounds JSON Schema can say the sign. */
function wholeNumberText({ case: kind, value }: { case?: string; value?: bigint }): Schema {
  if (value === undefined || value < 0n) return {};
  const isPositive = kind === "gt" || value > 0n;
  return { pattern: isPositive ? "^0*[1-9][0-9]*$" : "^[0-9]+$" };
}
