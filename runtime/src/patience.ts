/** How long a call is worth working on: until its deadline passes or its caller goes away. */
import { DomainError } from "./errors.ts";

export class Patience {
  /** Made when somebody first asks for it: most handlers never do. */
  #abort: AbortController | undefined;
  #reason: DomainError | undefined;
  #reject: ((reason: DomainError) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  /** Aborts when the work is given up. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#reason) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }

  /** The outcome of the work, or a rejection as soon as `deadline` (milliseconds since the epoch) passes or the caller goes. */
  race<T>(work: Promise<T>, deadline: number): Promise<T> {
    if (deadline === Number.POSITIVE_INFINITY) return work;
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      const giveUp = () => this.#giveUp("DEADLINE_EXCEEDED", "Cannot answer in time");
      this.#timer = setTimeout(giveUp, Math.max(0, deadline - Date.now()));
      if (this.#reason) reject(this.#reason);
      work.then(resolve, reject);
    });
  }

  /** Gives up: nobody waits for the answer. */
  callerWent(): void {
    this.#giveUp("CALLER_GONE", "The caller went away");
  }

  /** The call has been answered: from now on there is nothing to give up. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #giveUp(reason: string, message: string): void {
    if (this.#isOver || this.#reason) return;
    this.#reason = new DomainError("too-late", reason, message);
    this.#abort?.abort(this.#reason);
    this.#reject?.(this.#reason);
  }
}
