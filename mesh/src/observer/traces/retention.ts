/** Why a trace is kept. */
export type Reason = "failed" | "slow" | "sample";

/** What is known of a trace when that is decided. */
export interface Candidate {
  readonly id: string;
  /** The root's service and name. */
  readonly operation: string;
  readonly durationUs: number;
  readonly failed: boolean;
}

/** A quiet shop keeps every trace, a busy one sixty a minute. */
const SAMPLE_PER_SECOND = 1;
const SAMPLE_BURST = 20;
const MINUTE_MS = 60_000;
/** Operations are named by those who call. */
const MOST_OPERATIONS = 1_000;

interface Slowest {
  readonly minute: number;
  readonly id: string;
  readonly durationUs: number;
}

/** Decides which traces are kept: all that failed, of each operation the slowest of each minute, and a sample. */
export class Retention {
  readonly #slowest = new Map<string, Slowest>();
  #tokens = SAMPLE_BURST;
  #filledMs: number;

  constructor(nowMs: number) {
    this.#filledMs = nowMs;
  }

  /** Undefined: not kept. `replaces`: a trace kept as the slowest until now. */
  decide(
    { id, operation, durationUs, failed }: Candidate,
    nowMs: number,
  ): { reason: Reason; replaces?: string } | undefined {
    if (failed) return { reason: "failed" };
    const minute = Math.floor(nowMs / MINUTE_MS);
    const slowest = this.#slowest.get(operation);
    const isOfThisMinute = slowest?.minute === minute;
    if (this.#takeToken(nowMs)) {
      // What the sample keeps need not be kept twice, yet it is what others are measured by.
      if (isOfThisMinute && slowest.durationUs >= durationUs) return { reason: "sample" };
      this.#remember(operation, { minute, id: "", durationUs });
      return { reason: "sample", ...(isOfThisMinute && slowest.id ? { replaces: slowest.id } : {}) };
    }
    if (isOfThisMinute && slowest.durationUs >= durationUs) return undefined;
    this.#remember(operation, { minute, id, durationUs });
    return { reason: "slow", ...(isOfThisMinute && slowest.id ? { replaces: slowest.id } : {}) };
  }

  #remember(operation: string, slowest: Slowest): void {
    if (this.#slowest.size >= MOST_OPERATIONS && !this.#slowest.has(operation)) this.#slowest.clear();
    this.#slowest.set(operation, slowest);
  }

  #takeToken(nowMs: number): boolean {
    const gained = ((nowMs - this.#filledMs) / 1_000) * SAMPLE_PER_SECOND;
    this.#tokens = Math.min(SAMPLE_BURST, this.#tokens + Math.max(0, gained));
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
