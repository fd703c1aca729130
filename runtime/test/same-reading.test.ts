/** What a handler gets is what was validated: protobuf-es validates, ts-proto decodes, and they disagree about odd bytes. */

import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type DescField, type DescMessage, equals, fromBinary, type Message, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { AdjustStockRequest } from "@row/gen/grpc/shop/inventory/v1/inventory_service.ts";
import { PlaceOrderRequest } from "@row/gen/grpc/shop/orders/v1/order_service.ts";
import fc from "fast-check";
import { test } from "vitest";
import { methods, registry } from "../src/contract.ts";
import { DomainError } from "../src/domain-error.ts";
import type { EventType } from "../src/events/outbox.ts";
import { isUuid, spellUuids } from "../src/rpc/uuid-fields.ts";
import { plainBytes, validateBytes } from "../src/rpc/validate.ts";

const gen = fileURLToPath(new URL("../../gen/grpc/", import.meta.url));
const classes = new Map<string, EventType<unknown>>();
for (const file of globSync("shop/**/*.ts", { cwd: gen })) {
  const module: Record<string, unknown> = await import(`${gen}${file}`);
  for (const value of Object.values(module)) if (isMessageType(value)) classes.set(value.$type, value);
}

function isMessageType(value: unknown): value is EventType<unknown> {
  return typeof value === "object" && value !== null && "$type" in value && "decode" in value;
}

const events = [...registry].filter((one) => one.kind === "message" && one.file.name.endsWith("_events"));
const requests = [...methods.values()].map(({ descriptor }) => descriptor.input);
const all = new Set([...requests, ...events.filter((one) => one.kind === "message")]);

/** Records of a message: in any order, in pieces, packed or not, of another wire type, unknown, and broken. */
function anyBytes(descriptor: DescMessage, depth = 3): fc.Arbitrary<Uint8Array> {
  const records = descriptor.fields.map((field) => anyRecord(field, depth));
  const unknown = fc
    .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 300 }))
    .map(([no, value]) => new BinaryWriter().tag(no, WireType.Varint).uint32(value).finish());
  const weighted = records.map((arbitrary) => ({ arbitrary, weight: 20 }));
  return fc
    .array(fc.oneof({ arbitrary: unknown, weight: 1 }, ...weighted), { maxLength: 8 })
    .map((pieces) => Buffer.concat(pieces));
}

function anyRecord(field: DescField, depth: number): fc.Arbitrary<Uint8Array> {
  if (field.message) {
    const inner = depth > 0 ? anyBytes(field.message, depth - 1) : fc.constant(Buffer.alloc(0));
    return inner.map((bytes) => new BinaryWriter().tag(field.number, WireType.LengthDelimited).bytes(bytes).finish());
  }
  const number = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 2 ** 31 - 1 }));
  const varint = number.map((value) => new BinaryWriter().tag(field.number, WireType.Varint).uint32(value).finish());
  if (field.enum || (field.scalar !== ScalarType.STRING && field.scalar !== ScalarType.BYTES)) {
    const packed = fc.array(number, { maxLength: 3 }).map((values) => {
      const writer = new BinaryWriter().tag(field.number, WireType.LengthDelimited).fork();
      for (const value of values) writer.uint32(value);
      return writer.join().finish();
    });
    return field.fieldKind === "list" ? fc.oneof(varint, packed) : varint;
  }
  const uuid = fc.uuid().chain((id) => fc.constantFrom(id, id.toUpperCase()));
  const text = (isUuid(field) ? uuid : fc.string({ unit: "binary", maxLength: 5 })).map((value) => Buffer.from(value));
  const value = fc.oneof(
    { arbitrary: text, weight: 20 },
    { arbitrary: fc.constant(Buffer.from([0xff, 0xfe])), weight: 1 },
  );
  return value.map((bytes) => new BinaryWriter().tag(field.number, WireType.LengthDelimited).bytes(bytes).finish());
}

/** ts-proto keeps moments as a Date, to the millisecond. */
function holdsMoment(descriptor: DescMessage): boolean {
  return descriptor.fields.some(({ message }) => message?.typeName === "google.protobuf.Timestamp");
}

for (const descriptor of all) {
  test(`${descriptor.typeName}: the handler gets what was validated, whatever bytes a client sends`, () => {
    const type = classes.get(descriptor.typeName);
    assert.ok(type);
    let compared = 0;
    fc.assert(
      fc.property(anyBytes(descriptor), (bytes) => {
        const validated = readOrNothing(descriptor, bytes);
        if (!validated) {
          assert.throws(() => plainBytes(descriptor, bytes), DomainError);
          return;
        }
        spellUuids(descriptor, validated);
        const handed = type.decode(plainBytes(descriptor, bytes));
        compared += 1;
        if (holdsMoment(descriptor)) return;
        assert.ok(equals(descriptor, validated, fromBinary(descriptor, type.encode(handed).finish())));
      }),
      { numRuns: 300 },
    );
    assert.ok(compared > 30, `only ${compared} of the messages were readable`);
  });
}

function readOrNothing(descriptor: DescMessage, bytes: Uint8Array): Message | undefined {
  try {
    return fromBinary(descriptor, bytes, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

const ID = "01a19467-e800-7000-8000-00000000000a";

test("an address that comes in two pieces is merged, as the wire format says (protobuf.dev, Encoding: Last One Wins)", () => {
  const address = {
    ...{ recipient: "A", line1: "1", line2: "", city: "B", region: "", postalCode: "2", countryCode: "" },
  };
  const order = { paymentToken: "tok_ok", expectedTotal: undefined, requestId: ID };
  const first = PlaceOrderRequest.encode({
    ...order,
    items: [{ productId: ID, quantity: 1 }],
    shippingAddress: address,
  }).finish();
  const second = PlaceOrderRequest.encode({
    ...{ items: [], paymentToken: "", expectedTotal: undefined, requestId: "" },
    shippingAddress: { ...address, recipient: "", line1: "", city: "", postalCode: "", countryCode: "DE" },
  }).finish();
  const input = registry.getMessage(PlaceOrderRequest.$type);
  assert.ok(input);
  const handed = PlaceOrderRequest.decode(validateBytes(input, Buffer.concat([first, second])));
  assert.deepEqual(handed.shippingAddress, { ...address, countryCode: "DE" });
});

test("a UUID reaches the handler in lower case, however it was written (RFC 9562, section 4)", () => {
  const asked = { productId: ID.toUpperCase(), delta: 5n, reason: "ABCDEF", requestId: ID.toUpperCase() };
  const input = registry.getMessage(AdjustStockRequest.$type);
  assert.ok(input);
  const handed = AdjustStockRequest.decode(validateBytes(input, AdjustStockRequest.encode(asked).finish()));
  assert.deepEqual(handed, { ...asked, productId: ID, requestId: ID });
});

test("what an encoder writes is handed on as it came", () => {
  const asked = { productId: ID, delta: 5n, reason: "ABCDEF", requestId: ID };
  const bytes = Buffer.from(AdjustStockRequest.encode(asked).finish());
  const input = registry.getMessage(AdjustStockRequest.$type);
  assert.ok(input);
  assert.equal(validateBytes(input, bytes), bytes);
});
