import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { attributesOf, type ReceivedSpan, SPAN_KINDS, STATUS_ERROR, shortened } from "./span.ts";

/** Field numbers of opentelemetry/proto/trace/v1/trace.proto, as far as they are read. */
const REQUEST = { resourceSpans: 1 };
const RESOURCE_SPANS = { resource: 1, scopeSpans: 2 };
const RESOURCE = { attributes: 1 };
const SCOPE_SPANS = { spans: 2 };
const SPAN = { traceId: 1, spanId: 2, parentSpanId: 4, name: 5, kind: 6, start: 7, end: 8, attributes: 9, status: 15 };
const STATUS = { message: 2, code: 3 };
const KEY_VALUE = { key: 1, value: 2 };
const ANY_VALUE = { string: 1, bool: 2, int: 3, double: 4 };

/** Reads an ExportTraceServiceRequest in protobuf; throws an Error when it is none. */
export function spansFromProtobuf(bytes: Uint8Array): ReceivedSpan[] {
  const spans: ReceivedSpan[] = [];
  eachField(bytes, (field, reader, wireType) => {
    if (field !== REQUEST.resourceSpans) return false;
    readResourceSpans(message(reader, wireType), spans);
    return true;
  });
  return spans;
}

function readResourceSpans(bytes: Uint8Array, spans: ReceivedSpan[]): void {
  let resource: Record<string, string | number | boolean> = {};
  const scopes: Uint8Array[] = [];
  eachField(bytes, (field, reader, wireType) => {
    if (field === RESOURCE_SPANS.resource) resource = readResource(message(reader, wireType));
    else if (field === RESOURCE_SPANS.scopeSpans) scopes.push(message(reader, wireType));
    else return false;
    return true;
  });
  for (const scope of scopes) {
    eachField(scope, (field, reader, wireType) => {
      if (field !== SCOPE_SPANS.spans) return false;
      spans.push(readSpan(message(reader, wireType), resource));
      return true;
    });
  }
}

function readResource(bytes: Uint8Array): Record<string, string | number | boolean> {
  const pairs: KeyValue[] = [];
  eachField(bytes, (field, reader, wireType) => {
    if (field !== RESOURCE.attributes) return false;
    pairs.push(readKeyValue(message(reader, wireType)));
    return true;
  });
  return attributesOf(pairs);
}

function readSpan(bytes: Uint8Array, resource: Record<string, string | number | boolean>): ReceivedSpan {
  const ids = { traceId: "", id: "", parent: "" };
  const status = { code: 0, message: "" };
  const attributes: KeyValue[] = [];
  let [name, kind, startUs, endUs] = ["", 0, 0, 0];
  eachField(bytes, (field, reader, wireType) => {
    if (field === SPAN.traceId) ids.traceId = hex(message(reader, wireType));
    else if (field === SPAN.spanId) ids.id = hex(message(reader, wireType));
    else if (field === SPAN.parentSpanId) ids.parent = hex(message(reader, wireType));
    else if (field === SPAN.name) name = reader.string();
    else if (field === SPAN.kind) kind = reader.int32();
    else if (field === SPAN.start) startUs = micros(reader);
    else if (field === SPAN.end) endUs = micros(reader);
    else if (field === SPAN.attributes) attributes.push(readKeyValue(message(reader, wireType)));
    else if (field === SPAN.status) readStatus(message(reader, wireType), status);
    else return false;
    return true;
  });
  if (ids.traceId.length !== 32 || ids.id.length !== 16) throw new Error("a span has no trace id or no span id");
  return {
    ...ids,
    name: shortened(name),
    kind: SPAN_KINDS[kind] ?? "unspecified",
    service: String(resource["service.name"] ?? ""),
    instance: String(resource["service.instance.id"] ?? ""),
    startUs,
    durationUs: Math.max(0, endUs - startUs),
    failed: status.code === STATUS_ERROR,
    status: shortened(status.message),
    attributes: attributesOf(attributes),
  };
}

function readStatus(bytes: Uint8Array, status: { code: number; message: string }): void {
  eachField(bytes, (field, reader) => {
    if (field === STATUS.message) status.message = reader.string();
    else if (field === STATUS.code) status.code = reader.int32();
    else return false;
    return true;
  });
}

type KeyValue = readonly [string, string | number | boolean | undefined];

function readKeyValue(bytes: Uint8Array): KeyValue {
  let key = "";
  let value: string | number | boolean | undefined;
  eachField(bytes, (field, reader, wireType) => {
    if (field === KEY_VALUE.key) key = reader.string();
    else if (field === KEY_VALUE.value) value = readAnyValue(message(reader, wireType));
    else return false;
    return true;
  });
  return [key, value];
}

function readAnyValue(bytes: Uint8Array): string | number | boolean | undefined {
  let value: string | number | boolean | undefined;
  eachField(bytes, (field, reader) => {
    if (field === ANY_VALUE.string) value = reader.string();
    else if (field === ANY_VALUE.bool) value = reader.bool();
    else if (field === ANY_VALUE.int) value = Number(reader.int64());
    else if (field === ANY_VALUE.double) value = reader.double();
    else return false;
    return true;
  });
  return value;
}

/** Calls `read` for every field; what it answers false for is skipped. */
function eachField(
  bytes: Uint8Array,
  read: (field: number, reader: BinaryReader, wireType: WireType) => boolean,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (!read(field, reader, wireType)) reader.skip(wireType, field);
  }
}

function message(reader: BinaryReader, wireType: WireType): Uint8Array {
  if (wireType !== WireType.LengthDelimited) throw new Error("a field has another type than OTLP gives it");
  return reader.bytes();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function micros(reader: BinaryReader): number {
  return Number(BigInt(reader.fixed64()) / 1_000n);
}
