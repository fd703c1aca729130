/** Events that wait for their handler, and which of them may be handled now: never two of one aggregate at once, except in one batch. */
import type { JsMsg } from "@nats-io/jetstream";
import type { Delivery } from "./delivery.ts";

/** An event with what came with it. */
export interface Received<T> {
  readonly event: T;
  readonly delivery: Delivery;
}

/** An event that is still to be answered to the server. */
export interface Unanswered<T> extends Received<T> {
  readonly message: JsMsg;
}

/** Events that are handled together; one, unless the consumer takes batches. */
export type Group<T> = readonly Unanswered<T>[];

interface Bounds {
  /** Most events of a group. */
  readonly size: number;
  /** Most groups that are handled at once. */
  readonly concurrency: number;
}

export class Queue<T> {
  readonly #bounds: Bounds;
  readonly #waiting: Unanswered<T>[] = [];
  readonly #busyAggregates = new Set<string>();
  #groups = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  push(item: Unanswered<T>): void {
    this.#waiting.push(item);
  }

  /** The group to handle next, which must be given to `release` afterwards; undefined when none may begin now. */
  next(): Group<T> | undefined {
    const { size, concurrency } = this.#bounds;
    if (this.#groups >= concurrency) return undefined;
    const group: Unanswered<T>[] = [];
    for (let i = 0; i < this.#waiting.length && group.length < size; ) {
      const item = this.#waiting[i];
      if (item && (size > 1 || !this.#busyAggregates.has(item.delivery.aggregateId)))
        group.push(...this.#waiting.splice(i, 1));
      else i++;
    }
    if (group.length === 0) return undefined;
    this.#groups += 1;
    for (const { delivery } of group) this.#busyAggregates.add(delivery.aggregateId);
    return group;
  }

  release(group: Group<T>): void {
    this.#groups -= 1;
    for (const { delivery } of group) this.#busyAggregates.delete(delivery.aggregateId);
  }

  /** Takes out all that wait. */
  clear(): readonly Unanswered<T>[] {
    return this.#waiting.splice(0);
  }
}
