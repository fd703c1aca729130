import assert from "node:assert/strict";
import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type Message,
  ScalarType,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { HttpRuleSchema } from "@row/gen/es/google/api/http_pb.ts";
import { GetProductResponseSchema } from "@row/gen/es/shop/catalog/v1/catalog_service_pb.ts";
import { methodAt, methods, registry } from "@row/runtime/contract.ts";
import fc from "fast-check";
import { test } from "vitest";
import { jsonText } from "./text.ts";

const responses = [...new Set([...methods.values()].map(({ descriptor }) => descriptor.output))];
const deepest = 3;

function expected(descriptor: DescMessage, bytes: Uint8Array): string {
  return JSON.stringify(toJson(descriptor, fromBinary(descriptor, bytes), { alwaysEmitImplicit: true, registry }));
}

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom('"\\\n\u2028\0', "\ufffd", "\ufeffé"),
);

function scalar(type: ScalarType): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return fc.integer();
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return fc.nat();
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.bigInt(0n, 2n ** 64n - 1n);
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 8 });
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return fc.float();
  }
}

function timestamp(descriptor: DescMessage): fc.Arbitrary<Message> {
  const parts = fc.tuple(fc.bigInt(-62135596800n, 253402300799n), fc.oneof(fc.nat(999_999_999), fc.nat(999)));
  return parts.map(([seconds, nanos]) =>
    withValues(descriptor, { seconds, nanos: nanos < 1_000 ? nanos * 1_000_000 : nanos }),
  );
}

function message(descriptor: DescMessage, depth: number): fc.Arbitrary<Message> {
  if (descriptor.typeName === "google.protobuf.Timestamp") return timestamp(descriptor);
  if (depth > deepest || descriptor.typeName === "google.protobuf.Any") return fc.constant(create(descriptor));
  const fields = descriptor.fields.filter(({ fieldKind }) => fieldKind !== "map");
  const values = fields.map((field) => [field.localName, fc.option(value(field, depth), { nil: undefined })] as const);
  return fc.record(Object.fromEntries(values)).map((all) => withValues(descriptor, all));
}

function value(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const one = field.message
    ? message(field.message, depth + 1)
    : field.enum
      ? fc.constantFrom(...field.enum.values.map(({ number }) => number), 999)
      : scalar(field.scalar ?? ScalarType.STRING);
  return field.fieldKind === "list" ? fc.array(one, { maxLength: 3 }) : one;
}

function withValues(descriptor: DescMessage, values: Readonly<Record<string, unknown>>): Message {
  const result = create(descriptor);
  const target = reflect(descriptor, result);
  for (const field of descriptor.fields) {
    const given = values[field.localName];
    if (given === undefined) continue;
    const wrap = (one: unknown) => (field.message ? reflect(field.message, one as Message) : one);
    if (field.fieldKind === "list") for (const one of given as unknown[]) target.get(field).add(wrap(one));
    else target.set(field, wrap(given));
  }
  return result;
}

test("writes every response of the contracts as protobuf-es does, or leaves it to it", () => {
  let written = 0;
  for (const descriptor of responses) {
    fc.assert(
      fc.property(message(descriptor, 0), (response) => {
        const bytes = toBinary(descriptor, response);
        const ours = jsonText(descriptor, Buffer.from(bytes));
        if (ours === undefined) return;
        written += 1;
        assert.equal(ours, expected(descriptor, bytes));
      }),
      { numRuns: 60 },
    );
  }
  assert.ok(written > responses.length * 10, `only ${written} were written`);
});

test("writes what is read most itself", () => {
  const { output } = methodAt("/shop.catalog.v1.CatalogService/GetProduct").descriptor;
  const price = { currencyCode: "EUR", units: 12n, nanos: 900_000_000 };
  const createTime = { seconds: 1_763_700_000n, nanos: 120_000_000 };
  const updateTime = { seconds: 1_763_700_000n, nanos: 0 };
  const product = { id: "p", name: 'The "best" – mug', price, available: true, version: 3n, createTime, updateTime };
  for (const response of [{}, { product: {} }, { product }]) {
    const bytes = toBinary(GetProductResponseSchema, create(GetProductResponseSchema, response));
    assert.equal(jsonText(output, Buffer.from(bytes)), expected(output, bytes));
  }
});

test("leaves to protobuf-es what no serializer of ours writes", () => {
  const { output } = methodAt("/shop.catalog.v1.CatalogService/GetProduct").descriptor;
  const oddities = {
    "a field twice": [0x0a, 0x03, 0x0a, 0x01, 0x70, 0x0a, 0x03, 0x0a, 0x01, 0x71],
    "another order": [0x0a, 0x06, 0x12, 0x01, 0x73, 0x0a, 0x01, 0x70],
    "an unknown field": [0x0a, 0x00, 0xf8, 0x07, 0x01],
    "a length beyond the end": [0x0a, 0x05, 0x0a, 0x01, 0x70],
    "a field that ends outside of its message": [0x0a, 0x02, 0x0a, 0x01, 0x70],
    "another wire type": [0x08, 0x01],
  };
  for (const [what, bytes] of Object.entries(oddities)) {
    assert.equal(jsonText(output, Buffer.from(bytes)), undefined, what);
  }
});

test("of a oneof it writes the one that is there", () => {
  const pattern = { case: "put", value: "/v1/mugs" } as const;
  const additionalBindings = [{ pattern: { case: "get", value: "/v1/mug" } }, {}] as const;
  const bytes = toBinary(
    HttpRuleSchema,
    create(HttpRuleSchema, { pattern, additionalBindings: [...additionalBindings] }),
  );
  assert.equal(jsonText(HttpRuleSchema, Buffer.from(bytes)), expected(HttpRuleSchema, bytes));
  const two = Buffer.from([0x12, 0x01, 0x61, 0x1a, 0x01, 0x62]);
  assert.equal(jsonText(HttpRuleSchema, two), undefined);
});
