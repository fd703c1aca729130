/**
 * Recognises encoded messages that every decoder reads alike and whose UUIDs are in lower case: each field once, in ascending
 * order and with its own wire type, as encoders write them. Decoders disagree about the rest: of a message that comes in pieces
 * protobuf-es merges the pieces, as the wire format wants, and ts-proto 2.18 keeps the last; of two members of a oneof ts-proto
 * keeps both; what has another wire type than its field protobuf-es reads all the same, and ts-proto skips.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { isUuid } from "./uuid-fields.ts";

/** What may follow one tag. */
interface PlainField {
  readonly number: number;
  readonly wireType: WireType;
  readonly isList: boolean;
  readonly isUuid: boolean;
  readonly message: Shape | undefined;
  /** The bit of its oneof; 0 outside of any. */
  readonly oneof: number;
}

/** The fields of a message by their tags. */
type Shape = Map<number, PlainField>;

const shapes = new Map<DescMessage, Shape>();

/** Whether the bytes, of which protobuf-es could read a message, may be handed on as they are. */
export function isPlain(descriptor: DescMessage, bytes: Uint8Array): boolean {
  const cursor = { bytes, at: 0 };
  return isPlainTo(cursor, shapeOf(descriptor), bytes.length);
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function isPlainTo(cursor: Cursor, shape: Shape, end: number): boolean {
  let last = 0;
  let oneofs = 0;
  while (cursor.at < end) {
    const field = shape.get(varint(cursor));
    if (!field || field.number < last || (field.number === last && !field.isList)) return false;
    if ((field.oneof & oneofs) !== 0) return false;
    last = field.number;
    oneofs |= field.oneof;
    if (!isPlainValue(cursor, field, end)) return false;
  }
  return cursor.at === end;
}

function isPlainValue(cursor: Cursor, field: PlainField, end: number): boolean {
  switch (field.wireType) {
    case WireType.Varint:
      while ((cursor.bytes[cursor.at++] ?? 0) >= 0x80) {}
      return true;
    case WireType.Bit32:
      cursor.at += 4;
      return true;
    case WireType.Bit64:
      cursor.at += 8;
      return true;
  }
  const length = varint(cursor);
  const valueEnd = cursor.at + length;
  if (valueEnd > end) return false;
  if (field.message) return isPlainTo(cursor, field.message, valueEnd);
  if (field.isUuid && hasCapital(cursor.bytes, cursor.at, valueEnd)) return false;
  cursor.at = valueEnd;
  return true;
}

function hasCapital(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x41 && byte <= 0x46) return true;
  }
  return false;
}

/** The next varint; what does not fit 28 bits is no tag and no length that a message here has. */
function varint(cursor: Cursor): number {
  const first = cursor.bytes[cursor.at++] ?? 0;
  if (first < 0x80) return first;
  let value = first & 0x7f;
  for (let shift = 7; shift < 28; shift += 7) {
    const byte = cursor.bytes[cursor.at++] ?? 0;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return Number.MAX_SAFE_INTEGER;
}

function shapeOf(descriptor: DescMessage): Shape {
  const known = shapes.get(descriptor);
  if (known) return known;
  const shape: Shape = new Map();
  shapes.set(descriptor, shape); // before its fields: a message may hold itself
  const oneofs = descriptor.oneofs.slice(0, MOST_ONEOFS);
  for (const field of descriptor.fields) {
    const wireType = plainWireType(field);
    const oneof = field.oneof ? oneofs.indexOf(field.oneof) : undefined;
    if (wireType === undefined || oneof === -1) continue;
    shape.set((field.number << 3) | wireType, {
      number: field.number,
      wireType,
      isList: field.fieldKind === "list",
      isUuid: isUuid(field),
      message: field.message && shapeOf(field.message),
      oneof: oneof === undefined ? 0 : 1 << oneof,
    });
  }
  return shape;
}

/** As many as an integer has bits for. */
const MOST_ONEOFS = 31;

/** The wire type that encoders use; undefined for what is never taken for plain. */
function plainWireType(field: DescField): WireType | undefined {
  if (field.fieldKind === "map") return undefined;
  if (field.fieldKind === "list" && field.packed) return WireType.LengthDelimited;
  if (field.message) return field.delimitedEncoding ? undefined : WireType.LengthDelimited;
  if (field.enum) return field.enum.open ? WireType.Varint : undefined;
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
    case ScalarType.FLOAT:
      return WireType.Bit32;
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
    case ScalarType.DOUBLE:
      return WireType.Bit64;
    default:
      return WireType.Varint;
  }
}
