/** One of the places where an experiment looks, and how long it may stay silent. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Observed } from "@row/mesh/experiments/run/observation.ts";
import { messageOf, RowError } from "@row/topology/row-error.ts";

/** A part of what happened since it was last asked; what it could not tell then, it tells now. */
export type Part = Partial<Observed>;

export interface Source {
  /** "requests", as messages call it. */
  readonly name: string;
  read(signal: AbortSignal): Promise<Part>;
  close(): Promise<void>;
}

/** Of what a source did not tell for as long, nobody can say what happened meanwhile. */
const LONGEST_SILENCE_MS = 10_000;

/** Asks one source again and again: a look waits for it a while and takes what it tells later along with the next. */
export class PatientReader {
  readonly #source: Source;
  /** When it was first asked what it has not told yet. */
  #askedMs: number | undefined;
  #reading: Promise<Part> | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Nothing when the source has not told anything by then. Throws RowError when it has been silent for too long. */
  async look(waitMs: number): Promise<Part> {
    this.#askedMs ??= performance.now();
    this.#reading ??= this.#source.read(AbortSignal.timeout(LONGEST_SILENCE_MS));
    const reading = this.#reading;
    try {
      const part = await Promise.race([reading, sleep(waitMs, undefined, { ref: false })]);
      if (part) {
        this.#reading = undefined;
        this.#askedMs = undefined;
        return part;
      }
      this.#giveUpIfLate("it does not answer");
    } catch (error) {
      if (this.#reading === reading) this.#reading = undefined;
      if (error instanceof Unseen) throw error;
      this.#giveUpIfLate(messageOf(error));
    }
    return {};
  }

  close(): Promise<void> {
    this.#reading?.catch(() => {});
    return this.#source.close();
  }

  #giveUpIfLate(reason: string): void {
    const now = performance.now();
    const silentMs = now - (this.#askedMs ?? now);
    if (silentMs < LONGEST_SILENCE_MS) return;
    const { name } = this.#source;
    throw new Unseen(`Cannot see ${name} since ${Math.round(silentMs / 1_000)} s: ${reason}`);
  }
}

/** What happened can no longer be told: the run that asked is to end. */
export class Unseen extends RowError {}
