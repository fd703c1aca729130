/** Which traces are exported: so many a second of those that start here, and any span that failed or took long. */
import { SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import {
  type BatchSpanProcessor,
  createAlwaysRecordSampler,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  SamplingDecision,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace";

/** What takes longer is exported whatever the sampler said. */
const LONG_SECONDS = 0.5;

/**
 * A quiet shop keeps every trace, a busy one pays for a few. What is not sampled is recorded nevertheless, so that it can be
 * exported should it fail. A caller's decision wins.
 */
export function traceSampler(tracesPerSecond: number, now = () => performance.now()): Sampler {
  return createAlwaysRecordSampler(new ParentBasedSampler({ root: new RateLimited(tracesPerSecond, now) }));
}

/** A token bucket that holds two seconds' worth. */
class RateLimited implements Sampler {
  readonly #perSecond: number;
  readonly #now: () => number;
  #tokens: number;
  #filledMs: number;

  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#tokens = 2 * perSecond;
    this.#filledMs = now();
  }

  shouldSample() {
    const now = this.#now();
    this.#tokens = Math.min(2 * this.#perSecond, this.#tokens + ((now - this.#filledMs) / 1_000) * this.#perSecond);
    this.#filledMs = now;
    if (this.#tokens < 1) return { decision: SamplingDecision.NOT_RECORD };
    this.#tokens -= 1;
    return { decision: SamplingDecision.RECORD_AND_SAMPLED };
  }

  toString(): string {
    return `RateLimited{${this.#perSecond}/s}`;
  }
}

/** Hands on spans that are sampled, failed or took long. */
export class NotableSpans implements SpanProcessor {
  readonly #next: BatchSpanProcessor;

  constructor(next: BatchSpanProcessor) {
    this.#next = next;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    const context = span.spanContext();
    if (context.traceFlags & TraceFlags.SAMPLED) this.#next.onEnd(span);
    else if (span.status.code === SpanStatusCode.ERROR || isLong(span)) {
      // The batch passes sampled spans only.
      const sampled = { ...context, traceFlags: context.traceFlags | TraceFlags.SAMPLED };
      this.#next.onEnd(Object.create(span, { spanContext: { value: () => sampled } }));
    }
  }

  forceFlush(): Promise<void> {
    return this.#next.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#next.shutdown();
  }
}

function isLong({ duration: [seconds, nanoseconds] }: ReadableSpan): boolean {
  return seconds + nanoseconds / 1e9 > LONG_SECONDS;
}
