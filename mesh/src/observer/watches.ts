/** The watches that are open: a few, each for as long as somebody looks. */
import { randomUUID } from "node:crypto";
import type { LineFields } from "./line-fields.ts";
import type { Target } from "./request-lines.ts";
import { Watch } from "./watch.ts";

const MOST_WATCHES = 16;
/** One that nobody has looked at for as long is closed. */
const FORGOTTEN_AFTER_MS = 60_000;

interface OpenWatch {
  readonly watch: Watch;
  lookedAtMs: number;
}

export class Watches {
  readonly #open = new Map<string, OpenWatch>();

  /** Costs nothing while none is open. */
  record(fields: LineFields, target: Target): void {
    for (const { watch } of this.#open.values()) watch.record(fields, target);
  }

  /** Answers its id; undefined when too many are open. */
  open(service: string, thresholdsUs: readonly number[], nowMs: number): string | undefined {
    this.dropForgotten(nowMs);
    if (this.#open.size >= MOST_WATCHES) return undefined;
    const id = randomUUID();
    this.#open.set(id, { watch: new Watch(service, thresholdsUs), lookedAtMs: nowMs });
    return id;
  }

  find(id: string, nowMs: number): Watch | undefined {
    const open = this.#open.get(id);
    if (open) open.lookedAtMs = nowMs;
    return open?.watch;
  }

  close(id: string): boolean {
    return this.#open.delete(id);
  }

  dropForgotten(nowMs: number): void {
    for (const [id, { lookedAtMs }] of this.#open) {
      if (nowMs - lookedAtMs > FORGOTTEN_AFTER_MS) this.#open.delete(id);
    }
  }
}
