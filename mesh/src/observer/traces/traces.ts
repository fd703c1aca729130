import type { Sidecars } from "../sidecars.ts";
import { hopSpan } from "./hops.ts";
import { type PendingTrace, PendingTraces } from "./pending-traces.ts";
import { Retention } from "./retention.ts";
import type { ReceivedSpan, Span } from "./span.ts";
import { placeSpans, rootOf, type Trace, type TraceLists } from "./trace.ts";
import { SHORTEST_PREFIX, TraceStore } from "./trace-store.ts";

const DECIDE_EVERY_MS = 500;
/** Spans that come late for a trace that was not kept must not look like a trace of their own. */
const MOST_FORGOTTEN = 20_000;

/** Spans and sidecars' lines come in, some traces stay. */
export class Traces {
  readonly #sidecars: Sidecars;
  readonly #store: TraceStore;
  readonly #pending = new PendingTraces();
  readonly #retention = new Retention(performance.now());
  readonly #forgotten = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(dataDir: string, sidecars: Sidecars) {
    this.#sidecars = sidecars;
    this.#store = new TraceStore(dataDir);
    this.#timer = setInterval(() => this.#decide(this.#pending.takeOver(performance.now())), DECIDE_EVERY_MS);
  }

  add(spans: readonly ReceivedSpan[]): void {
    const now = performance.now();
    for (const span of spans) this.#pending.add(span, now);
  }

  addHop(traceId: string, line: Uint8Array, failed: boolean): void {
    this.#pending.addHop(traceId, line, failed, performance.now());
  }

  lists(service: string): TraceLists {
    return this.#store.lists(service);
  }

  /** By its id or the first digits of it; also one that is not over yet. */
  find(prefix: string): Trace | undefined {
    const pending = prefix.length < SHORTEST_PREFIX ? undefined : this.#pending.find(prefix);
    const id = pending?.id ?? this.#store.find(prefix);
    if (id === undefined) return undefined;
    const kept = this.#store.spans(id);
    return placeSpans(id, pending ? [...kept, ...this.#spansOf(pending, kept.length)] : kept);
  }

  /** Keeps what is not over yet by the same rule. */
  close(): void {
    clearInterval(this.#timer);
    this.#decide(this.#pending.takeOver(Number.POSITIVE_INFINITY));
    this.#store.close();
  }

  #decide(over: readonly PendingTrace[]): void {
    if (over.length === 0) return;
    this.#store.transaction(() => {
      for (const trace of over) this.#keepOrForget(trace);
    });
  }

  #keepOrForget(trace: PendingTrace): void {
    const { id, failed } = trace;
    if (this.#store.has(id)) {
      this.#store.put(id, this.#store.keptFor(id), this.#spansOf(trace, this.#store.spanCount(id)));
      return;
    }
    if (this.#forgotten.has(id) && !failed) return;
    const root = rootOf(trace.spans) ?? rootOf(this.#spansOf(trace, 0));
    if (!root) return;
    const operation = `${root.service} ${root.name}`;
    const decision = this.#retention.decide({ id, operation, durationUs: root.durationUs, failed }, performance.now());
    if (decision) this.#store.put(id, decision.reason, this.#spansOf(trace, 0));
    else this.#forget(id);
    if (decision?.replaces) this.#store.dropSlow(decision.replaces);
  }

  /** `earlier`: how many spans of it are kept, after which hops are numbered. */
  #spansOf({ spans, hops }: PendingTrace, earlier: number): Span[] {
    const own = spans.map(({ traceId: _, ...span }) => span);
    return [...own, ...hops.map((line, index) => hopSpan(line, earlier + index, this.#sidecars))];
  }

  #forget(id: string): void {
    this.#forgotten.add(id);
    if (this.#forgotten.size <= MOST_FORGOTTEN) return;
    const [oldest = ""] = this.#forgotten;
    this.#forgotten.delete(oldest);
  }
}
