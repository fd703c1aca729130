/** Starts spans: recorded by OpenTelemetry's SDK where their trace is exported, else noted down in case they fail. */
import { type Link, ROOT_CONTEXT, type SpanContext, type SpanKind, TraceFlags, trace } from "@opentelemetry/api";
import { parseTraceParent, TraceState } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import { BatchSpanProcessor, RandomIdGenerator, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import { TraceSampling } from "./sampling.ts";
import { type CallSpan, type NotableSpan, UnsampledSpan } from "./unsampled-span.ts";

const SCOPE = "shop";

interface TracingOptions {
  readonly resource: Resource;
  /** Where spans go; without it they carry ids for the logs and nothing else. */
  readonly exporter: SpanExporter | undefined;
  /** Traces that start here to export each second. A caller's decision wins. */
  readonly tracesPerSecond: number;
  /** Milliseconds since some moment. */
  readonly now?: () => number;
}

export class Tracing {
  readonly #resource: Resource;
  readonly #batch: BatchSpanProcessor | undefined;
  readonly #provider: TracerProvider;
  readonly #sampling: TraceSampling;
  readonly #now: () => number;
  readonly #ids = new RandomIdGenerator();
  readonly #onNotable: ((span: NotableSpan, context: SpanContext) => void) | undefined;

  constructor({ resource, exporter, tracesPerSecond, now = () => performance.now() }: TracingOptions) {
    this.#resource = resource;
    this.#now = now;
    this.#sampling = new TraceSampling(exporter ? tracesPerSecond : 0, now);
    this.#batch = exporter && new BatchSpanProcessor({ exporter, scheduledDelayMillis: 1_000 });
    this.#provider = new TracerProvider({ resource, spanProcessors: this.#batch ? [this.#batch] : [] });
    if (exporter) this.#onNotable = (span, context) => this.#export(span, context);
  }

  /** Starts a span; `parent` is a span, a traceparent header or nothing, `tracestate` the header that came with that. */
  startSpan(name: string, kind: SpanKind, parent: CallSpan | string | undefined, tracestate?: string): CallSpan {
    const above = contextOf(parent, tracestate);
    const isSampled = above ? (above.traceFlags & TraceFlags.SAMPLED) !== 0 : this.#sampling.takes();
    if (isSampled && this.#batch) {
      const within = above ? trace.setSpanContext(ROOT_CONTEXT, above) : ROOT_CONTEXT;
      return this.#provider.getTracer(SCOPE).startSpan(name, { kind }, within);
    }
    const context = {
      traceId: above?.traceId ?? this.#ids.generateTraceId(),
      spanId: this.#ids.generateSpanId(),
      traceFlags: TraceFlags.NONE,
      ...(above?.traceState && { traceState: above.traceState }),
    };
    return this.#unsampled(name, kind, context, above);
  }

  /** Starts a trace of this process's own, whatever its caller's is; it is linked to that one. */
  startTrace(name: string, kind: SpanKind, caller: SpanContext | undefined): CallSpan {
    const links = caller ? [{ context: caller }] : [];
    if (this.#sampling.takes() && this.#batch) {
      return this.#provider.getTracer(SCOPE).startSpan(name, { kind, links, root: true }, ROOT_CONTEXT);
    }
    const ids = { traceId: this.#ids.generateTraceId(), spanId: this.#ids.generateSpanId() };
    return this.#unsampled(name, kind, { ...ids, traceFlags: TraceFlags.NONE }, undefined, links);
  }

  #unsampled(
    name: string,
    kind: SpanKind,
    context: SpanContext,
    parent: SpanContext | undefined,
    links: Link[] = [],
  ): CallSpan {
    return new UnsampledSpan({ name, kind, context, parent, links, now: this.#now, onNotable: this.#onNotable });
  }

  #export(span: NotableSpan, context: SpanContext): void {
    // The batch passes sampled spans only.
    const sampled = { ...context, traceFlags: TraceFlags.SAMPLED };
    const instrumentationScope = { name: SCOPE };
    this.#batch?.onEnd({ ...span, spanContext: () => sampled, resource: this.#resource, instrumentationScope });
  }

  async flush(): Promise<void> {
    await this.#batch?.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#provider.shutdown();
  }
}

/** What a caller's traceparent header names, or what a span is; undefined for none, and for a header that cannot be read. */
export function contextOf(
  parent: CallSpan | string | undefined,
  tracestate: string | undefined,
): SpanContext | undefined {
  if (typeof parent !== "string") return parent?.spanContext();
  const context = parseTraceParent(parent) ?? undefined;
  // Without a traceparent that can be read it belongs to no trace: W3C Trace Context, section 3.3.
  return context && tracestate ? { ...context, traceState: new TraceState(tracestate) } : context;
}
