/** Which services cannot call which, on purpose: no sidecar of the one has an endpoint of the other. The running shop alone knows, so that its next start is whole. */

/** Calls of one service to another that are cut. */
export interface Partition {
  readonly caller: string;
  readonly callee: string;
}

export class Partitions {
  readonly #cut = new Map<string, Partition>();

  cut(partition: Partition): void {
    this.#cut.set(key(partition), partition);
  }

  /** Ends what is cut between these; all of a service, or of all, where one is left open. */
  heal({ caller, callee }: Partial<Partition>): void {
    for (const one of this.all()) {
      if ((caller ?? one.caller) === one.caller && (callee ?? one.callee) === one.callee) this.#cut.delete(key(one));
    }
  }

  has(partition: Partition): boolean {
    return this.#cut.has(key(partition));
  }

  all(): Partition[] {
    return [...this.#cut.values()];
  }
}

function key({ caller, callee }: Partition): string {
  return `${caller} ${callee}`;
}
