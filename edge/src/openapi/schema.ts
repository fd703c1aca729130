/** Messages and enums as JSON Schema, as proto3 JSON writes them. */

import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { FieldRules } from "@row/gen/es/buf/validate/validate_pb.ts";
import type { Comments } from "./comments.ts";
import type { Schema } from "./json-schema.ts";
import { allowedNames, itemRules, keywords, mustBeSent, rulesOf } from "./rules.ts";

const INT32: Schema = { type: "integer", format: "int32" };
const INT64: Schema = { type: "string", format: "int64", pattern: "^-?[0-9]+$" };
const DOUBLE: Schema = { type: "number", format: "double" };

const SCALARS: Readonly<Record<ScalarType, Schema>> = {
  [ScalarType.STRING]: { type: "string" },
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.BYTES]: { type: "string", contentEncoding: "base64" },
  [ScalarType.DOUBLE]: DOUBLE,
  [ScalarType.FLOAT]: { type: "number", format: "float" },
  [ScalarType.INT32]: INT32,
  [ScalarType.SINT32]: INT32,
  [ScalarType.SFIXED32]: INT32,
  [ScalarType.UINT32]: { ...INT32, minimum: 0 },
  [ScalarType.FIXED32]: { ...INT32, minimum: 0 },
  [ScalarType.INT64]: INT64,
  [ScalarType.SINT64]: INT64,
  [ScalarType.SFIXED64]: INT64,
  [ScalarType.UINT64]: { ...INT64, pattern: "^[0-9]+$" },
  [ScalarType.FIXED64]: { ...INT64, pattern: "^[0-9]+$" },
};

/** Types that proto3 JSON writes in a form of their own. */
const WELL_KNOWN: Readonly<Record<string, Schema>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$", examples: ["1.5s"] },
  "google.protobuf.FieldMask": { type: "string", examples: ["name,description"] },
  "google.protobuf.Struct": { type: "object", additionalProperties: true },
  "google.protobuf.Value": {},
  "google.protobuf.ListValue": { type: "array", items: {} },
  "google.protobuf.Empty": { type: "object" },
  "google.protobuf.Any": {
    type: "object",
    required: ["@type"],
    properties: { "@type": { type: "string" } },
    additionalProperties: true,
  },
};

/** Collects the schemas that are used, each under its full name. */
export class Schemas {
  readonly components = new Map<string, Schema>();
  readonly #comments: Comments;

  constructor(comments: Comments) {
    this.#comments = comments;
  }

  /** A reference to a message, or the form that proto3 JSON has for it. */
  message(descriptor: DescMessage): Schema {
    const known = WELL_KNOWN[descriptor.typeName];
    if (known) return known;
    const wrapped = descriptor.typeName.startsWith("google.protobuf.") ? descriptor.fields[0] : undefined;
    if (wrapped?.scalar) return { ...SCALARS[wrapped.scalar], type: [SCALARS[wrapped.scalar].type, "null"] };
    if (!this.components.has(descriptor.typeName)) {
      this.components.set(descriptor.typeName, {}); // stands in while the message's own fields refer to it
      this.components.set(descriptor.typeName, this.object(descriptor, descriptor.fields));
    }
    return { $ref: `#/components/schemas/${descriptor.typeName}` };
  }

  /** An object with some of a message's fields. */
  object(descriptor: DescMessage, fields: readonly DescField[]): Schema {
    const required = fields.filter(mustBeSent);
    return {
      type: "object",
      ...this.#description(descriptor.typeName),
      ...deprecated(descriptor),
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, this.field(field)])),
      ...(required.length > 0 ? { required: required.map(({ jsonName }) => jsonName) } : {}),
    };
  }

  field(field: DescField): Schema {
    const rules = rulesOf(field);
    const description = this.#description(`${field.parent.typeName}.${field.name}`);
    return { ...this.#type(field, rules), ...description, ...deprecated(field) };
  }

  #type(field: DescField, rules: FieldRules): Schema {
    switch (field.fieldKind) {
      case "scalar":
        return { ...SCALARS[field.scalar], ...keywords(rules) };
      case "enum":
        return this.#enum(field.enum, rules);
      case "message":
        return this.message(field.message);
      case "list": {
        const items = itemRules(rules);
        return {
          type: "array",
          items: { ...this.#element(field, items), ...(items ? keywords(items) : {}) },
          ...keywords(rules),
        };
      }
      case "map":
        return { type: "object", additionalProperties: this.#element(field) };
    }
  }

  #element(field: DescField & { fieldKind: "list" | "map" }, rules?: FieldRules): Schema {
    if (field.message) return this.message(field.message);
    if (field.enum) return this.#enum(field.enum, rules);
    return field.scalar === undefined ? {} : SCALARS[field.scalar];
  }

  #enum(descriptor: DescEnum, rules?: FieldRules): Schema {
    const some = rules && allowedNames(descriptor, rules);
    if (some) return { type: "string", enum: some };
    if (!this.components.has(descriptor.typeName)) {
      const values = descriptor.values.map(({ name }) => {
        const comment = this.#comments.get(`${descriptor.typeName}.${name}`);
        return `- \`${name}\`${comment ? `: ${comment.replaceAll("\n", " ")}` : ""}`;
      });
      const intro = this.#comments.get(descriptor.typeName) ?? "";
      this.components.set(descriptor.typeName, {
        type: "string",
        enum: descriptor.values.map(({ name }) => name),
        description: `${intro}\n\n${values.join("\n")}`.trim(),
      });
    }
    return { $ref: `#/components/schemas/${descriptor.typeName}` };
  }

  #description(name: string): Schema {
    const description = this.#comments.get(name);
    return description ? { description } : {};
  }
}

function deprecated({ deprecated: isDeprecated }: DescField | DescMessage): Schema {
  return isDeprecated ? { deprecated: true } : {};
}
