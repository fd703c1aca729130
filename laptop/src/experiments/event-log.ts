/** What became of the events that a service published: dead letters by version, and what is published twice. Pure: it only computes. */
import type { Arms } from "@row/mesh/experiments/run/observation.ts";
import type { Stratum, Violation } from "@row/mesh/judge/second-counts.ts";
import type { Counts } from "@row/mesh/judge/window-factor.ts";

export interface PublishedEvent {
  readonly id: string;
  readonly type: string;
  readonly aggregateId: string;
  readonly sequence: bigint;
  /** Who wrote it, "payments/v2/payments-v2-1". */
  readonly producer: string;
  /** Says whether two payloads are the same. */
  readonly payload: string;
}

/** An event of which nobody has despaired by then was taken, as far as one can tell. */
const SETTLED_AFTER_MS = 5_000;
/** The oldest are forgotten. */
const MOST_KEPT = 100_000;

interface Pending {
  readonly version: string;
  readonly publishedMs: number;
}

/** Counts each event when its fate is known: at once where it became a dead letter, else after some seconds. */
export class EventLog {
  readonly #service: string;
  /** By id; of the versions' events that are not settled yet, the oldest first. */
  readonly #pending = new Map<string, Pending>();
  readonly #dead = new Map<string, true>();
  /** By aggregate and sequence. */
  readonly #first = new Map<string, PublishedEvent>();
  readonly #settled = new Map<string, { total: number; failed: number }>();
  #violation: Violation | undefined;
  readonly #deadBy = new Map<string, string>();

  constructor(service: string) {
    this.#service = service;
  }

  published(event: PublishedEvent, nowMs: number): void {
    const place = `${event.aggregateId} ${event.sequence}`;
    const first = this.#first.get(place);
    if (!first) keep(this.#first, place, event);
    else if (first.id !== event.id || first.payload !== event.payload) this.#violation ??= twice(first, event);
    const version = this.#versionOf(event.producer);
    if (version === undefined || first?.id === event.id) return;
    keep(this.#pending, event.id, { version, publishedMs: nowMs });
  }

  /** A consumer put it aside; another one may do so too. */
  died(event: Pick<PublishedEvent, "id" | "type" | "producer">): void {
    const version = this.#versionOf(event.producer);
    if (version === undefined || this.#dead.has(event.id)) return;
    keep(this.#dead, event.id, true);
    this.#pending.delete(event.id);
    this.#settle(version, 1);
    this.#deadBy.set(version, `event ${event.id} (${event.type})`);
  }

  /** What was settled since it was asked last. */
  take({ baseline, canary }: Arms, nowMs: number) {
    for (const [id, { version, publishedMs }] of this.#pending) {
      if (nowMs - publishedMs < SETTLED_AFTER_MS) break;
      this.#pending.delete(id);
      if (!this.#dead.has(id)) this.#settle(version, 0);
    }
    const of = (version: string): Counts => this.#settled.get(version) ?? { total: 0, failed: 0 };
    const stratum: Stratum = { stratum: "all", baseline: of(baseline), canary: of(canary) };
    const [example, violation] = [this.#deadBy.get(canary), this.#violation];
    this.#settled.clear();
    this.#deadBy.clear();
    this.#violation = undefined;
    return { stratum, example, violation };
  }

  #settle(version: string, failed: number): void {
    const { total: totalBefore, failed: failedBefore } = this.#settled.get(version) ?? { total: 0, failed: 0 };
    this.#settled.set(version, { total: totalBefore + 1, failed: failedBefore + failed });
  }

  /** Undefined for another service's. */
  #versionOf(producer: string): string | undefined {
    const [service, version] = producer.split("/");
    return service === this.#service ? version : undefined;
  }
}

function twice(first: PublishedEvent, second: PublishedEvent): Violation {
  const what = first.id === second.id ? "two payloads" : `a second event ${second.id}`;
  const { type, aggregateId, sequence, id } = first;
  return { invariant: "one-event", example: `${type} ${aggregateId}, sequence ${sequence}: event ${id} and ${what}` };
}

function keep<Value>(kept: Map<string, Value>, key: string, value: Value): void {
  kept.set(key, value);
  if (kept.size <= MOST_KEPT) return;
  const [oldest = ""] = kept.keys();
  kept.delete(oldest);
}
