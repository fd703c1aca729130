import { attributesOf, type ReceivedSpan, SPAN_KINDS, STATUS_ERROR, shortened } from "./span.ts";

type Json = Readonly<Record<string, unknown>>;

/** Reads an ExportTraceServiceRequest in OTLP's JSON; throws an Error that says what it is instead. */
export function spansFromJson(text: string): ReceivedSpan[] {
  const spans: ReceivedSpan[] = [];
  for (const resourceSpans of list(object(parse(text), "the body").resourceSpans, "resourceSpans")) {
    const resource = attributes(object(resourceSpans.resource ?? {}, "resource").attributes);
    for (const scope of list(resourceSpans.scopeSpans, "scopeSpans")) {
      for (const span of list(scope.spans, "spans")) spans.push(readSpan(span, resource));
    }
  }
  return spans;
}

function readSpan(span: Json, resource: Record<string, string | number | boolean>): ReceivedSpan {
  const startUs = micros(span.startTimeUnixNano, "startTimeUnixNano");
  const endUs = micros(span.endTimeUnixNano, "endTimeUnixNano");
  const status = object(span.status ?? {}, "status");
  return {
    traceId: id(span.traceId, 32, "traceId"),
    id: id(span.spanId, 16, "spanId"),
    parent: span.parentSpanId ? id(span.parentSpanId, 16, "parentSpanId") : "",
    name: shortened(String(span.name ?? "")),
    kind: SPAN_KINDS[Number(span.kind ?? 0)] ?? "unspecified",
    service: String(resource["service.name"] ?? ""),
    instance: String(resource["service.instance.id"] ?? ""),
    startUs,
    durationUs: Math.max(0, endUs - startUs),
    failed: status.code === STATUS_ERROR || status.code === "STATUS_CODE_ERROR",
    status: shortened(String(status.message ?? "")),
    attributes: attributes(span.attributes),
  };
}

function attributes(value: unknown): Record<string, string | number | boolean> {
  return attributesOf(
    list(value, "attributes").map(
      ({ key, value: any }) => [String(key), primitive(object(any ?? {}, "value"))] as const,
    ),
  );
}

function primitive(value: Json): string | number | boolean | undefined {
  if (typeof value.stringValue === "string") return value.stringValue;
  if (typeof value.boolValue === "boolean") return value.boolValue;
  if (value.intValue !== undefined) return Number(value.intValue);
  return typeof value.doubleValue === "number" ? value.doubleValue : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`the body is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function object(value: unknown, name: string): Json {
  // Any object can be read as one whose values are unknown.
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new Error(`${name} is not an object`);
}

/** What is missing is empty, as always in protobuf. */
function list(value: unknown, name: string): Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Error(`${name} is not a list`);
  return value.map((item) => object(item, `an item of ${name}`));
}

function id(value: unknown, length: number, name: string): string {
  if (typeof value === "string" && value.length === length && /^[0-9a-fA-F]+$/.test(value)) return value.toLowerCase();
  throw new Error(`${name} is not ${length} hexadecimal digits`);
}

/** From nanoseconds, as text because they do not fit a number. */
function micros(value: unknown, name: string): number {
  const text = String(value);
  if (!/^\d{1,20}$/.test(text)) throw new Error(`${name} is not a number of nanoseconds`);
  return Number(text.slice(0, -3) || "0");
}
