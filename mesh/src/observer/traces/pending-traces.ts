import type { ReceivedSpan } from "./span.ts";

/** A trace whose spans are still coming in. */
export interface PendingTrace {
  readonly id: string;
  readonly spans: ReceivedSpan[];
  /** Lines of sidecars as they came: most are never looked at. */
  readonly hops: Uint8Array[];
  failed: boolean;
  bytes: number;
  lastMs: number;
}

/** A trace is over when nothing has come for as long: sidecars tell at once, services every second. */
const QUIET_MS = 2_000;
const MOST_TRACES = 5_000;
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_SPANS = 2_000;
/** Of a span in memory, about. */
const SPAN_BYTES = 600;

/** Puts together the spans of each trace. */
export class PendingTraces {
  /** By id, in the order in which something last came. */
  readonly #traces = new Map<string, PendingTrace>();
  #bytes = 0;

  add(span: ReceivedSpan, nowMs: number): void {
    const trace = this.#touch(span.traceId, nowMs);
    if (trace.spans.length >= MOST_SPANS) return;
    trace.spans.push(span);
    trace.failed ||= span.failed;
    this.#grow(trace, SPAN_BYTES);
  }

  addHop(id: string, line: Uint8Array, failed: boolean, nowMs: number): void {
    const trace = this.#touch(id, nowMs);
    if (trace.hops.length >= MOST_SPANS) return;
    trace.hops.push(line);
    trace.failed ||= failed;
    this.#grow(trace, line.length + 100);
  }

  find(prefix: string): PendingTrace | undefined {
    for (const [id, trace] of this.#traces) if (id.startsWith(prefix)) return trace;
    return undefined;
  }

  /** Takes out the traces that are over, and the oldest while there is no room for all. */
  takeOver(nowMs: number): PendingTrace[] {
    const over: PendingTrace[] = [];
    for (const trace of this.#traces.values()) {
      const isOver = nowMs - trace.lastMs >= QUIET_MS;
      if (!isOver && this.#traces.size <= MOST_TRACES && this.#bytes <= MOST_BYTES) break;
      this.#traces.delete(trace.id);
      this.#bytes -= trace.bytes;
      over.push(trace);
    }
    return over;
  }

  #touch(id: string, nowMs: number): PendingTrace {
    const known = this.#traces.get(id);
    const trace = known ?? { id, spans: [], hops: [], failed: false, bytes: 0, lastMs: nowMs };
    trace.lastMs = nowMs;
    if (known) this.#traces.delete(id);
    this.#traces.set(id, trace);
    return trace;
  }

  #grow(trace: PendingTrace, bytes: number): void {
    trace.bytes += bytes;
    this.#bytes += bytes;
  }
}
