/** What the card gateway has done, and what it answers to an act: in order, once by key, and on disk before it says so. */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type Charge, type ChargeAct, type Decision, decide, type Refusal } from "./charge.ts";
import { Journal } from "./journal.ts";

/** One line of the log: what was asked, and what came of it. */
export interface Entry {
  sequence: number;
  time: string;
  key: string;
  fingerprint: string;
  action: ChargeAct["action"];
  reference: string;
  outcome: Decision["outcome"];
  /** The charge as the act left it. */
  charge?: Charge;
  refusal?: Refusal;
}

export type Answer =
  | { kind: "entry"; entry: Entry; repeated: boolean }
  /** The key was used before, for something else. */
  | { kind: "key-reused" }
  /** Out of order for the moment; nothing was done or remembered. */
  | { kind: "unavailable" };

const flakyFailures = 2;
/** Of those that were not tried again. */
const mostFlaky = 10_000;

/** What a gateway remembers: acts in a file of its journal, of which there are two. */
export const mostEntries = 100_000;

/**
 * Charges by reference and answers by idempotency key, both rebuilt from the journal at start. The latest acts are remembered, twice
 * as many as a file holds; with the last act that changed a charge the charge is forgotten.
 */
export class Gateway {
  readonly #charges = new Map<string, Charge>();
  readonly #answers = new Map<string, Entry>();
  // In memory alone: a 503 that left no trace in the world leaves none here.
  readonly #flaky = new Map<string, number>();
  #journal: Journal<Entry> | undefined;
  #sequence = 0;

  readonly #mostEntries: number;

  private constructor(most: number) {
    this.#mostEntries = most;
  }

  static async open(
    dataDir: string,
    onFailure: (error: Error) => void,
    { mostEntries: most = mostEntries }: { mostEntries?: number } = {},
  ): Promise<Gateway> {
    await mkdir(dataDir, { recursive: true });
    const gateway = new Gateway(most);
    gateway.#journal = await Journal.open<Entry>(join(dataDir, "gateway.log"), {
      replay: (entry) => gateway.#remember(entry),
      onFailure,
      mostEntries: most,
    });
    return gateway;
  }

  /** How much it holds in memory. */
  get remembered(): { charges: number; answers: number; flaky: number } {
    return { charges: this.#charges.size, answers: this.#answers.size, flaky: this.#flaky.size };
  }

  /** Decides at once, in order of arrival; answers when the decision is on disk. */
  async act(act: ChargeAct, key: string, fingerprint: string): Promise<Answer> {
    const first = this.#answers.get(key);
    if (first !== undefined) {
      if (first.fingerprint !== fingerprint) return { kind: "key-reused" };
      await this.#log.flushed();
      return { kind: "entry", entry: first, repeated: true };
    }
    const charge = this.#charges.get(act.reference);
    if (act.action === "authorize" && charge === undefined && this.#fails(act.token, act.reference)) {
      return { kind: "unavailable" };
    }
    const decision = decide(charge, act, () => `ch_${randomUUID()}`);
    const entry: Entry = {
      sequence: this.#sequence + 1,
      time: new Date().toISOString(),
      key,
      fingerprint,
      action: act.action,
      reference: act.reference,
      ...decision,
    };
    this.#remember(entry);
    await this.#log.append(entry);
    return { kind: "entry", entry, repeated: false };
  }

  async charge(reference: string): Promise<Charge | undefined> {
    const charge = this.#charges.get(reference);
    await this.#log.flushed();
    return charge;
  }

  async log(): Promise<Readable> {
    await this.#log.flushed();
    return this.#log.read();
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  get #log(): Journal<Entry> {
    if (this.#journal === undefined) throw new Error("The gateway is not open");
    return this.#journal;
  }

  #remember(entry: Entry): void {
    this.#sequence = entry.sequence;
    this.#answers.set(entry.key, entry);
    if (entry.outcome === "applied" && entry.charge !== undefined) this.#charges.set(entry.reference, entry.charge);
    if (this.#answers.size > 2 * this.#mostEntries) this.#forgetOldest();
  }

  #forgetOldest(): void {
    // In the order in which they came: a key is answered once.
    const [oldest] = this.#answers.values();
    if (oldest === undefined) return;
    this.#answers.delete(oldest.key);
    if (this.#charges.get(oldest.reference) === oldest.charge) this.#charges.delete(oldest.reference);
  }

  #fails(token: string, reference: string): boolean {
    if (token !== "tok_flaky") return false;
    const failures = this.#flaky.get(reference) ?? 0;
    if (failures < flakyFailures) {
      this.#flaky.delete(reference);
      this.#flaky.set(reference, failures + 1);
      const [oldest] = this.#flaky.keys();
      if (oldest !== undefined && this.#flaky.size > mostFlaky) this.#flaky.delete(oldest);
      return true;
    }
    this.#flaky.delete(reference);
    return false;
  }
}
