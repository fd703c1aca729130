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

/** Charges by reference and answers by idempotency key, both rebuilt from the journal at start. */
export class Gateway {
  readonly #charges = new Map<string, Charge>();
  readonly #answers = new Map<string, Entry>();
  // In memory alone: a 503 that left no trace in the world leaves none here.
  readonly #flaky = new Map<string, number>();
  #journal: Journal<Entry> | undefined;
  #sequence = 0;

  static async open(dataDir: string, onFailure: (error: Error) => void): Promise<Gateway> {
    await mkdir(dataDir, { recursive: true });
    const gateway = new Gateway();
    const path = join(dataDir, "gateway.log");
    gateway.#journal = await Journal.open<Entry>(path, (entry) => gateway.#remember(entry), onFailure);
    return gateway;
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

  async log(): Promise<Readable | undefined> {
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
  }

  #fails(token: string, reference: string): boolean {
    if (token !== "tok_flaky") return false;
    const failures = this.#flaky.get(reference) ?? 0;
    if (failures < flakyFailures) {
      this.#flaky.set(reference, failures + 1);
      return true;
    }
    this.#flaky.delete(reference);
    return false;
  }
}
