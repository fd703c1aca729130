/** One span, as the observer keeps and shows it. */
export interface Span {
  readonly id: string;
  /** Empty for a root. */
  readonly parent: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** The instance that made it; for a sidecar's hop, whose sidecar. */
  readonly service: string;
  readonly instance: string;
  /** µs since the epoch. */
  readonly startUs: number;
  readonly durationUs: number;
  readonly failed: boolean;
  /** What went wrong, or a sidecar's grpc-status; empty when there is nothing to say. */
  readonly status: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

/** Those of OpenTelemetry, and the two ways through a sidecar. */
export type SpanKind = (typeof SPAN_KINDS)[number] | "outbound" | "inbound";

/** By their numbers in OTLP. */
export const SPAN_KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;

/** Spans of several traces, as they arrive. */
export interface ReceivedSpan extends Span {
  readonly traceId: string;
}

/** OTLP's status code of a span that failed. */
export const STATUS_ERROR = 2;

/** Longer texts are cut: a span is no place for documents. */
const LONGEST_TEXT = 1_000;
const MOST_ATTRIBUTES = 32;

export function shortened(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

/** Keeps the first attributes. */
export function attributesOf(
  pairs: Iterable<readonly [string, string | number | boolean | undefined]>,
): Record<string, string | number | boolean> {
  const attributes: Record<string, string | number | boolean> = {};
  let count = 0;
  for (const [key, value] of pairs) {
    if (value === undefined || count >= MOST_ATTRIBUTES) continue;
    attributes[key] = typeof value === "string" ? shortened(value) : value;
    count += 1;
  }
  return attributes;
}
