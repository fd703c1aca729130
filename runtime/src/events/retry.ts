/** What becomes of an event that was not handled at once: how often it is tried, when again, and how the server is kept waiting meanwhile. */
import type { JsMsg } from "@nats-io/jetstream";
import { LRUCache } from "lru-cache";
import { isDatabaseConflict, isDatabaseTrouble } from "../database/trouble.ts";
import { ACK_WAIT_SECONDS } from "./stream-names.ts";

const MAX_DELAY_MS = 30_000;
const AWAY_DELAY_MS = 1_000;
/** About four minutes, for what should pass sooner: a missing event is then a dead letter itself. */
export const PATIENT_TRIES = 16;

/** Whether the event came before its turn. */
export function isGap(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "RWGAP";
}

/**
 * In how many milliseconds to try the same again, since this says nothing about the event: Postgres is away, for however long, or
 * the statement lost against others, which may happen `conflicts` times in a row. Undefined for a failure.
 */
export function delayOfTheSame(error: unknown, times: number, conflicts: number): number | undefined {
  if (isDatabaseConflict(error)) return times <= conflicts ? doubled(100, times) : undefined;
  return isDatabaseTrouble(error) ? AWAY_DELAY_MS : undefined;
}

/** The delay after so many times: doubled with each, up to 30 s. */
export function doubled(milliseconds: number, times: number): number {
  return Math.min(milliseconds * 2 ** (times - 1), MAX_DELAY_MS);
}

/** Far more than the server hands out without an answer. */
const KEPT = 1_000;

/**
 * How often each event has failed in this process, by its number in the stream. The server's own count cannot tell: it counts each
 * time that an event was handed out, also to a process that stopped, was killed or came before its turn. What is kept here is
 * forgotten at a restart, and other instances keep their own: then an event is tried more often, which does no harm.
 */
export class EventTries {
  readonly #failures = new LRUCache<number, number>({ max: KEPT });
  readonly #gaps = new LRUCache<number, number>({ max: KEPT });

  /** Counts a try that failed; answers how many have. */
  failed(sequence: number): number {
    return count(this.#failures, sequence);
  }

  hasFailed(sequence: number): boolean {
    return this.#failures.has(sequence);
  }

  /** Counts a try that came before its turn; answers how many have. */
  tooEarly(sequence: number): number {
    return count(this.#gaps, sequence);
  }

  forget(sequence: number): void {
    this.#failures.delete(sequence);
    this.#gaps.delete(sequence);
  }
}

function count(counts: LRUCache<number, number>, sequence: number): number {
  const next = (counts.get(sequence) ?? 0) + 1;
  counts.set(sequence, next);
  return next;
}

/** A third of the time that the server waits for an answer: two lost heartbeats do no harm. */
const PROGRESS_EVERY_MS = (ACK_WAIT_SECONDS * 1_000) / 3;

/**
 * Messages that this process has taken and not answered. It tells the server that it is at work on them, for as long as that
 * lasts: else other instances would get them too, and each would count as handed out once more.
 */
export class AckProgress {
  readonly #messages = new Set<JsMsg>();
  readonly #heartbeat = setInterval(() => {
    try {
      for (const message of this.#messages) message.working();
    } catch {
      // The connection is being closed: these messages come again, to another instance.
    }
  }, PROGRESS_EVERY_MS).unref();

  get size(): number {
    return this.#messages.size;
  }

  begin(message: JsMsg): void {
    this.#messages.add(message);
  }

  /** To be called when the message has been answered. */
  end(message: JsMsg): void {
    this.#messages.delete(message);
  }

  stop(): void {
    clearInterval(this.#heartbeat);
  }
}
