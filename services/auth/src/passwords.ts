import { randomBytes } from "node:crypto";
import { hash, type Options, verify } from "@node-rs/argon2";
import { Semaphore } from "@row/runtime/semaphore.ts";
import { normalPassword } from "./account.ts";

/** OWASP's parameters: 19 MiB, two passes, one lane. 2 is argon2id: the package's enum does not exist at run time. */
const ARGON2ID: Options = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Told of each piece of work: "hash" or "verify", and how long it took, the wait for a turn included. */
export type Observe = (operation: "hash" | "verify", seconds: number) => void;

/** Hashes and verifies passwords with argon2id, a bounded number at once: each takes 19 MiB and a pool thread. */
export class Passwords {
  readonly #semaphore: Semaphore;
  readonly #decoy: string;
  readonly #observe: Observe;

  private constructor(atOnce: number, decoy: string, observe: Observe) {
    this.#semaphore = new Semaphore(atOnce);
    this.#decoy = decoy;
    this.#observe = observe;
  }

  static async create(atOnce: number, observe: Observe = () => {}): Promise<Passwords> {
    return new Passwords(atOnce, await hash(randomBytes(32), ARGON2ID), observe);
  }

  /** The hash to keep of a password. */
  hash(password: string, signal: AbortSignal): Promise<string> {
    return this.#inTurn("hash", signal, () => hash(normalPassword(password), ARGON2ID));
  }

  /** Whether the password is the one of `kept`. Without a kept hash the same work is done, and the answer is no. */
  async verify(kept: string | undefined, password: string, signal: AbortSignal): Promise<boolean> {
    const fits = await this.#inTurn("verify", signal, () => verify(kept ?? this.#decoy, normalPassword(password)));
    return kept !== undefined && fits;
  }

  async #inTurn<T>(operation: "hash" | "verify", signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const result = await this.#semaphore.run(signal, work);
    this.#observe(operation, (performance.now() - startedAt) / 1_000);
    signal.throwIfAborted(); // nobody is left to get what would be made of it
    return result;
  }
}
