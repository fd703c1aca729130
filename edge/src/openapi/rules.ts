/** buf.validate rules as JSON Schema keywords. */
import { type DescField, getOption } from "@bufbuild/protobuf";
import { type FieldRules, field as fieldOption, Ignore } from "@row/gen/es/buf/validate/validate_pb.ts";
import type { Schema } from "./schema.ts";

export function rulesOf(field: DescField): FieldRules {
  return getOption(field, fieldOption);
}

/** Whether a request must have the field. */
export function isRequired(field: DescField): boolean {
  const rules = rulesOf(field);
  if (rules.required) return true;
  if (rules.ignore !== Ignore.UNSPECIFIED) return false;
  return rules.type.case === "repeated" && Number(rules.type.value.minItems) > 0;
}

/** The keywords for a field; those for the elements of a list stand in `items`. */
export function keywords(rules: FieldRules): Schema {
  const { type } = rules;
  switch (type.case) {
    case "int32":
      return { ...lower(type.value.greaterThan), ...upper(type.value.lessThan) };
    case "string": {
      const { minLen, maxLen, pattern, wellKnown } = type.value;
      return {
        ...(minLen ? { minLength: Number(minLen) } : rules.required ? { minLength: 1 } : {}),
        ...(maxLen ? { maxLength: Number(maxLen) } : {}),
        ...(pattern ? { pattern } : {}),
        ...(wellKnown.case ? { format: wellKnown.case } : {}),
      };
    }
    case "repeated": {
      const { minItems, maxItems, unique } = type.value;
      return {
        ...(minItems ? { minItems: Number(minItems) } : {}),
        ...(maxItems ? { maxItems: Number(maxItems) } : {}),
        ...(unique ? { uniqueItems: true } : {}),
      };
    }
    default:
      return {}; // int64 is a string in JSON, whose bounds JSON Schema cannot say
  }
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
