/** Spans in OTLP's protobuf encoding. */
import { fromBinary } from "@bufbuild/protobuf";
import { ExportTraceServiceRequestSchema } from "@row/gen/es/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { AnyValue, KeyValue } from "@row/gen/es/opentelemetry/proto/common/v1/common_pb.ts";
import type { Span as OtlpSpan } from "@row/gen/es/opentelemetry/proto/trace/v1/trace_pb.ts";
import { attributesOf, type ReceivedSpan, SPAN_KINDS, STATUS_ERROR, shortened } from "./span.ts";

type Attributes = ReceivedSpan["attributes"];

/** What nobody looks at is not kept. */
const READ = { readUnknownFields: false };

/** Reads an ExportTraceServiceRequest in protobuf; throws an Error when it is none. */
export function spansFromProtobuf(bytes: Uint8Array): ReceivedSpan[] {
  return fromBinary(ExportTraceServiceRequestSchema, bytes, READ).resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const shared = attributes(resource?.attributes ?? []);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => received(span, shared)));
  });
}

function received(span: OtlpSpan, resource: Attributes): ReceivedSpan {
  const traceId = hex(span.traceId);
  const id = hex(span.spanId);
  if (traceId.length !== 32 || id.length !== 16) throw new Error("a span has no trace id or no span id");
  const startUs = micros(span.startTimeUnixNano);
  return {
    traceId,
    id,
    parent: hex(span.parentSpanId),
    name: shortened(span.name),
    kind: SPAN_KINDS[span.kind] ?? "unspecified",
    service: String(resource["service.name"] ?? ""),
    instance: String(resource["service.instance.id"] ?? ""),
    startUs,
    durationUs: Math.max(0, micros(span.endTimeUnixNano) - startUs),
    failed: span.status?.code === STATUS_ERROR,
    status: shortened(span.status?.message ?? ""),
    attributes: attributes(span.attributes),
  };
}

function attributes(pairs: readonly KeyValue[]): Attributes {
  return attributesOf(pairs.map(({ key, value }) => [key, plain(value)] as const));
}

/** Lists, maps and bytes are not shown. */
function plain({ value }: Pick<AnyValue, "value"> = { value: { case: undefined } }): Attributes[string] | undefined {
  switch (value.case) {
    case "stringValue":
    case "boolValue":
    case "doubleValue":
      return value.value;
    case "intValue":
      return Number(value.value);
    default:
      return undefined;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function micros(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000n);
}
