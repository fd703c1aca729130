import type { Reason } from "./retention.ts";
import type { Span } from "./span.ts";

/** A trace in a list. */
export interface TraceSummary {
  readonly id: string;
  /** The root's name. */
  readonly operation: string;
  /** The root's service. */
  readonly service: string;
  /** RFC 3339. */
  readonly startTime: string;
  /** Of the root. */
  readonly durationUs: number;
  readonly failed: boolean;
  readonly spans: number;
  readonly kept: Reason;
}

/** What GET /traces answers. */
export interface TraceLists {
  readonly failed: readonly TraceSummary[];
  readonly slowest: readonly TraceSummary[];
  readonly recent: readonly TraceSummary[];
}

/** What GET /traces/<id> answers: spans in the order of a waterfall. */
export interface Trace {
  readonly id: string;
  readonly startTime: string;
  /** From the first start to the last end. */
  readonly durationUs: number;
  readonly spans: readonly PlacedSpan[];
}

export interface PlacedSpan extends Span {
  /** 0 for a root. */
  readonly depth: number;
  /** Since the trace's start. */
  readonly offsetUs: number;
}

/** The earliest span whose parent is not among them. Sidecars see a request later than its client: they come last. */
export function rootOf(spans: readonly Span[]): Span | undefined {
  const ids = new Set(spans.map(({ id }) => id));
  const roots = spans.filter(({ parent }) => !ids.has(parent));
  const own = roots.filter((span) => !isHop(span));
  return (own.length > 0 ? own : roots).reduce<Span | undefined>(
    (first, span) => (first && first.startUs <= span.startUs ? first : span),
    undefined,
  );
}

export function isHop({ kind }: Span): boolean {
  return kind === "outbound" || kind === "inbound";
}

/** Orders the spans so that each follows its parent. */
export function placeSpans(id: string, spans: readonly Span[]): Trace {
  const linked = throughHops(spans);
  const ids = new Set(linked.map((span) => span.id));
  const children = Map.groupBy(linked, ({ parent }) => (ids.has(parent) ? parent : ""));
  const startUs = linked.reduce((first, span) => Math.min(first, span.startUs), Number.POSITIVE_INFINITY);
  const endUs = linked.reduce((last, span) => Math.max(last, span.startUs + span.durationUs), 0);
  const placed: PlacedSpan[] = [];
  const seen = new Set<Span>();
  const place = (parent: string, depth: number) => {
    const found = (children.get(parent) ?? []).toSorted((one, other) => one.startUs - other.startUs);
    for (const span of found) {
      if (seen.has(span)) continue;
      seen.add(span);
      placed.push({ ...span, depth, offsetUs: span.startUs - startUs });
      place(span.id, depth + 1);
    }
  };
  place("", 0);
  const start = Number.isFinite(startUs) ? startUs : 0;
  return {
    id,
    startTime: new Date(start / 1_000).toISOString(),
    durationUs: Math.max(0, endUs - start),
    spans: placed,
  };
}

/**
 * Sidecars pass the client's span on unchanged, so hops and the server's span all name the client as their parent:
 * client → outbound → inbound → server is what happened. A call that was made again has several of each.
 */
function throughHops(spans: readonly Span[]): Span[] {
  const hops = Map.groupBy(spans.filter(isHop), ({ parent }) => parent);
  const within = (span: Span, kind: "outbound" | "inbound") =>
    hops
      .get(span.parent)
      ?.filter((hop) => hop.kind === kind && hop.startUs - CLOCK_US <= span.startUs)
      .reduce<Span | undefined>((last, hop) => (last && last.startUs >= hop.startUs ? last : hop), undefined);
  return spans.map((span) => {
    if (span.kind === "outbound" || span.kind === "client" || span.kind === "internal") return span;
    const hop = (span.kind === "inbound" ? undefined : within(span, "inbound")) ?? within(span, "outbound");
    return hop ? { ...span, parent: hop.id } : span;
  });
}

/** Spans begin on the clock of their process, rounded to a millisecond. */
const CLOCK_US = 1_000;
