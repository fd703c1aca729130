/** A span of a trace that nobody keeps, noted down at a fraction of what the SDK's costs: it may fail all the same. */
import {
  type Attributes,
  type Link,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
} from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** What is used of OpenTelemetry's spans. */
export interface CallSpan {
  spanContext(): SpanContext;
  setAttribute(key: string, value: string | number | boolean): unknown;
  setStatus(status: SpanStatus): unknown;
  end(): void;
}

/** What was noted down of a span that failed or took long. */
export type NotableSpan = Omit<ReadableSpan, "resource" | "instrumentationScope" | "spanContext">;

/** What takes longer is exported whatever the sampler said. */
const LONG_MS = 500;

interface UnsampledSpanOptions {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly links: Link[];
  readonly now: () => number;
  /** Told of a span that failed or took long, when it ends. */
  readonly onNotable: ((span: NotableSpan, context: SpanContext) => void) | undefined;
}

export class UnsampledSpan implements CallSpan {
  readonly #options: UnsampledSpanOptions;
  readonly #startedAt: number;
  #attributes: Attributes | undefined;
  #status: SpanStatus | undefined;

  constructor(options: UnsampledSpanOptions) {
    this.#options = options;
    this.#startedAt = options.now();
  }

  spanContext(): SpanContext {
    return this.#options.context;
  }

  setAttribute(key: string, value: string | number | boolean): void {
    this.#attributes ??= {};
    this.#attributes[key] = value;
  }

  setStatus(status: SpanStatus): void {
    this.#status = status;
  }

  end(): void {
    const { onNotable, context, now } = this.#options;
    if (!onNotable) return;
    const ms = now() - this.#startedAt;
    if (this.#status?.code === SpanStatusCode.ERROR || ms > LONG_MS) onNotable(this.#noted(ms), context);
  }

  #noted(ms: number): NotableSpan {
    const { name, kind, parent, links } = this.#options;
    const endedAt = Date.now();
    return {
      name,
      kind,
      parentSpanContext: parent,
      startTime: millisToHrTime(endedAt - ms),
      endTime: millisToHrTime(endedAt),
      duration: millisToHrTime(ms),
      status: this.#status ?? { code: SpanStatusCode.UNSET },
      attributes: this.#attributes ?? {},
      links,
      events: [],
      ended: true,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    };
  }
}
